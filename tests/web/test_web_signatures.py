"""Webhooks with secrets: what is signed is taken, once where it says which one it is, and nothing else is."""

import base64
import hashlib
import hmac
import time

import pytest

from trisalt.errors import ConfigError
from trisalt.web.signatures import REMEMBERED, Seen, Webhook, read_webhooks, sign, why_not

SECRET = "0123456789abcdef"
KEY = base64.b64encode(b"k" * 24).decode()


@pytest.fixture
def hooked(open_client, door):
    door.says["fire"] = lambda _question: [{"ok": True}]
    webhooks = {
        "deploy/web": Webhook(name="deploy/web", secret=SECRET.encode()),
        "lab": Webhook(name="lab", secret=SECRET.encode(), signature="gitlab"),
        "std": Webhook(name="std", secret=b"k" * 24, signature="standard"),
    }
    return open_client({"webhooks": webhooks, "webhook_disable_auth": False})


def standard(body, *, id="m1", stamp=None, key=b"k" * 24):
    stamp = str(int(time.time())) if stamp is None else stamp
    digest = hmac.digest(key, f"{id}.{stamp}.".encode() + body, hashlib.sha256)
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return {"webhook_id": id, "webhook_timestamp": stamp, "webhook_signature": f"v1,AAAA {signature}"}


# The example of GitHub's own documentation.
def test_a_signature_is_as_github_documents_it():
    wanted = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert sign(b"It's a Secret to Everybody", b"Hello, World!") == wanted


async def test_what_is_signed_is_an_event_without_a_session(hooked, door):
    body = '{"ref": "main"}'
    answer = await hooked.post("/hook/deploy/web", body, x_hub_signature_256=sign(SECRET.encode(), body.encode()))
    assert answer.status == 200
    ((question, credentials, _place),) = [each for each in door.asked if each[0]["op"] == "fire"]
    assert (question["tag"], question["data"]["post"], credentials) == (
        "salt/netapi/hook/deploy/web",
        {"ref": "main"},
        None,
    )


async def test_gitlabs_token_is_taken_and_told_to_nobody(hooked, door):
    assert (await hooked.post("/hook/lab", "{}", x_gitlab_token=SECRET, x_gitlab_event="Push Hook")).status == 200
    (question,) = door.questions("fire")
    assert question["data"]["headers"]["X-Gitlab-Event"] == "Push Hook"
    assert SECRET not in str(question)


async def test_a_standard_message_counts_once(hooked, door):
    headers = standard(b"{}")
    assert (await hooked.post("/hook/std", "{}", **headers)).status == 200
    assert (await hooked.post("/hook/std", "{}", **headers)).status == 401
    assert (await hooked.post("/hook/std", "{}", **standard(b"{}", id="m2"))).status == 200
    assert len(door.questions("fire")) == 2


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("deploy/web", {}),
        ("deploy/web", {"x_hub_signature_256": sign(SECRET.encode(), b"other")}),
        ("deploy/web", {"x_hub_signature_256": "sha256="}),
        ("deploy/web/", {"x_hub_signature_256": "é"}),
        ("deploy/web", {"x_gitlab_token": SECRET}),
        ("lab", {"x_gitlab_token": SECRET[:-1]}),
        ("lab", {"x_hub_signature_256": sign(SECRET.encode(), b"{}")}),
        ("std", {}),
        ("std", standard(b"other")),
        ("std", standard(b"{}", key=b"x")),
        ("std", standard(b"{}", stamp="1000")),
        ("std", standard(b"{}", stamp="²")),
        ("std", {**standard(b"{}"), "webhook_id": "m9"}),
    ],
)
async def test_what_is_not_signed_is_refused_and_audited(hooked, door, path, headers):
    headers = {name: value.encode().decode("latin-1") for name, value in headers.items()}
    answer = await hooked.post(f"/hook/{path}", "{}", **headers)
    assert (answer.status, door.questions("fire")) == (401, [])
    (row,) = hooked.web.audit.page(5)[0]
    assert (row["kind"], row["result"], row["hook"]) == ("hook", "refused", path.strip("/"))
    assert SECRET not in str(row)


async def test_neither_a_session_nor_an_open_door_stands_in_for_a_signature(open_client, hooked, ann, door):
    token = ann.headers["x-auth-token"]
    assert (await hooked.post("/hook/lab", "{}", x_auth_token=token)).status == 401
    free = open_client({"webhooks": hooked.web.settings.webhooks, "webhook_disable_auth": True})
    assert (await free.post("/hook/lab", "{}")).status == 401
    # The others are as they were.
    assert (await hooked.post("/hook/lab/more", "{}")).status == 401
    assert (await free.post("/hook/lab/more", "{}")).status == 200


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([], "a map of names"),
        ({"a b": {"secret": SECRET}}, "a name is letters"),
        ({"a/../b": {"secret": SECRET}}, "a name is letters"),
        ({"a": SECRET}, "a map is wanted"),
        ({"a": {"secret": SECRET, "sign": "github"}}, "sign"),
        ({"a": {"secret": SECRET, "signature": "md5"}}, "one of github"),
        ({"a": {}}, "one of secret and secret_file"),
        ({"a": {"secret": SECRET, "secret_file": "/x"}}, "one of secret and secret_file"),
        ({"a": {"secret": "short"}}, "16 to 1024"),
        ({"a": {"secret_file": "{tmp}/none"}}, "No such file"),
        ({"a": {"secret": "whsec_???????????????", "signature": "standard"}}, "is base64"),
    ],
)
def test_what_cannot_be_a_webhook_is_told_without_its_secret(tmp_path, value, said):
    if isinstance(value, dict) and isinstance(value.get("a"), dict) and "{tmp}" in str(value["a"].get("secret_file")):
        value = {"a": {"secret_file": str(tmp_path / "none")}}
    with pytest.raises(ConfigError) as caught:
        read_webhooks("rest_trisalt", value)
    assert said in str(caught.value)


def test_a_secret_may_stand_in_a_file_of_its_own(tmp_path):
    path = tmp_path / "secret"
    path.write_text(f"{SECRET}\n")
    found = read_webhooks(
        "rest_trisalt", {"a": {"secret_file": str(path)}, "b": {"secret": f"whsec_{KEY}", "signature": "standard"}}
    )
    assert (found["a"].secret, found["b"].secret) == (SECRET.encode(), b"k" * 24)
    assert SECRET not in repr(found)


def test_what_is_remembered_of_messages_has_bounds():
    seen = Seen()
    for number in range(REMEMBERED + 5):
        assert seen.take("a", str(number), 1000.0)
    assert len(seen._ids) == REMEMBERED
    assert not seen.take("a", str(REMEMBERED), 1000.0)
    assert seen.take("b", str(REMEMBERED), 1000.0)
    assert seen.take("a", str(REMEMBERED), 1000.0 + 601)


def test_a_stranger_learns_nothing_from_a_header_that_is_no_text():
    webhook = Webhook(name="a", secret=SECRET.encode(), signature="gitlab")
    assert why_not(webhook, {"x-gitlab-token": "\udcff"}, b"", Seen(), 0.0)
