"""The service's texts in the reader's language, and in English for whoever asks for none."""

import re

import pytest
from starlette.requests import HTTPConnection

from tests.web.conftest import PASSWORD
from trisalt.web.texts import KOREAN, language_of, say, say_all


@pytest.mark.parametrize(
    ("accept", "cookie", "language"),
    [
        (None, None, "en"),
        ("*", None, "en"),
        ("ko", None, "ko"),
        ("ko-KR,ko;q=0.9,en-US;q=0.8", None, "ko"),
        ("en-US,en;q=0.9,ko;q=0.8", None, "en"),
        ("fr,ko;q=0.3,en;q=0.2", None, "ko"),
        ("ko;q=0", None, "en"),
        ("ko;q=x;;,", None, "ko"),
        ("ko", "en", "en"),
        ("en", "ko", "ko"),
        ("en", "../ko", "en"),
    ],
)
def test_a_language_is_what_the_reader_chose_or_else_what_their_browser_likes(accept, cookie, language):
    headers = [(b"accept-language", accept.encode())] if accept else []
    headers += [(b"cookie", f"trisalt_language={cookie}".encode())] if cookie else []
    assert language_of(HTTPConnection({"type": "http", "headers": headers})) == language


def test_each_text_says_of_the_same_things_and_is_another_one():
    for english, korean in KOREAN.items():
        names = re.findall(r"\{(\w+)\}", english)
        assert sorted(names) == sorted(re.findall(r"\{(\w+)\}", korean)), english
        assert len(set(names)) == len(names)
        assert re.search("[가-힣]", korean), english
        filled = re.sub(r"\{(\w+)\}", r"<\1>", english)
        assert say(filled, "ko") == re.sub(r"\{(\w+)\}", r"<\1>", korean)


@pytest.mark.parametrize(
    ("english", "korean"),
    [
        ("The user ann may not do this", "사용자 ann에게 이 작업의 권한이 없습니다"),
        ("web1, web2 and 7 more: away", "web1, web2 외 7개: 응답 없음"),
        ("There is no minion '{jid}'", "미니언 '{jid}'이(가) 없습니다"),
        ("There is no minion '<img onerror=x>\n'", "미니언 '<img onerror=x>\n'이(가) 없습니다"),
        ("'no.such' is not available.", "'no.such' is not available."),
        ("", ""),
    ],
)
def test_what_a_text_names_is_left_as_it_is(english, korean):
    assert say(english, "ko") == korean
    assert say(english, "en") == english


def test_the_texts_of_a_list_are_told_each():
    told = {"items": [{"text": "a: away", "kind": "x"}, {"text": 7}, "odd"], "because": "it is granted"}
    assert say_all(told, ("items.text", "because", "none.such"), "ko") == {
        "items": [{"text": "a: 응답 없음", "kind": "x"}, {"text": 7}, "odd"],
        "because": "허용되어 있습니다",
    }
    assert say_all(told, ("because",), "en") is told


async def test_errors_and_answers_are_in_the_language_of_who_asks(ann, door):
    korean = {"accept_language": "ko-KR"}
    door.says["issues"] = lambda _question: [{"issues": {"items": [{"text": "web1: away", "kind": "x"}]}}]
    assert (await ann.get("/api/v1/issues")).json["items"][0]["text"] == "web1: away"
    assert (await ann.get("/api/v1/issues", **korean)).json["items"][0]["text"] == "web1: 응답 없음"
    assert (await ann.get("/api/v1/nosuch", **korean)).json == {"status": 404, "return": "찾을 수 없습니다"}
    assert (await ann.get("/api/v1/nosuch")).json == {"status": 404, "return": "Not Found"}
    refused = await ann.post("/login", {"username": "ann", "password": "no", "eauth": "pam"}, **korean)
    assert (refused.status, refused.json["return"]) == (401, "입력한 정보로 로그인할 수 없습니다")


async def test_the_pages_without_scripts_are_in_that_language_too(client, door):
    page = (await client.get("/app/plain", accept_language="ko")).body.decode()
    assert '<html lang="ko"' in page
    assert "사용자 이름" in page
    assert "User name" in (await client.get("/app/plain")).body.decode()
    door.says["minions"] = lambda _question: [{"minions": {"items": [], "next": None, "total": 0}}]
    signed_in = await client.post("/login", {"username": "ann", "password": PASSWORD, "eauth": "pam"})
    token = signed_in.ret[0]["token"]
    listed = (await client.get("/app/plain/minions", x_auth_token=token, cookie="trisalt_language=ko")).body.decode()
    assert "<h1>미니언</h1>" in listed
    assert "로그아웃" in listed
