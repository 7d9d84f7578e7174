"""Who somebody is that the kernel does not know: backends, tokens, and what wrong answers cost."""

from __future__ import annotations

import attrs
import pyotp
import pytest
import structlog
import trio
import trio.lowlevel
import trio.testing

from trisalt.bus.bus import Bus
from trisalt.bus.caller import Caller
from trisalt.bus.event import Secret
from trisalt.bus.events import LoginDecided
from trisalt.bus.requests import (
    DropTokenRequest,
    FactorRequest,
    LoginRequest,
    ShowTokenRequest,
    TokenRequest,
    VouchRequest,
)
from trisalt.errors import StoreError, Unauthenticated, WorkerDied
from trisalt.master import login as module
from trisalt.master.acl import Acl
from trisalt.master.factors import FactorError, Factors
from trisalt.master.login import BACKEND_S, NAME_BURST, PEER_BURST, REFUSED_AFTER_S, WAITING, LoginRules, serve_logins
from trisalt.wire.seal import Seal
from trisalt.worker.protocol import Failure, Outcome

PASSWORD = "k=v hunter2"
EAUTH = {"pam": {"ann": ["test.ping"], "ops%": ["@jobs"]}, "file": {}}


@attrs.define
class Workers:
    """Runs `auth` and `groups` of one backend, in which ann has a password."""

    calls: list = attrs.field(factory=list)
    result: object = None
    rows: object = None
    seconds: float = 0.0

    async def run_job(self, call, *, outlives):
        assert (outlives, call.kind) == (False, "auth")
        self.calls.append(call)
        await trio.sleep(self.seconds)
        if isinstance(self.result, Exception):
            raise self.result
        ((asked,), (whose,), (again,)) = call.arg
        assert again == asked
        good = (asked["username"], asked["password"]) == ("ann", PASSWORD)
        verified = good if self.result is None else self.result
        auth, groups, acl = call.fun
        failed = isinstance(verified, str)
        return Outcome(
            result={
                auth: verified,
                groups: ["ann", "ops"] if whose["username"] == "ann" else "Traceback",
                acl: "'pam.acl' is not available." if self.rows is None else self.rows,
            },
            retcode={auth: int(failed), groups: int(whose["username"] != "ann"), acl: int(self.rows is None)},
            failure=Failure.EXCEPTION if failed else None,
        )


class Banks:
    def __init__(self):
        self.kept = {}
        self.error = None

    async def store(self, bank, key, value):
        await trio.lowlevel.checkpoint()
        if self.error:
            raise self.error
        self.kept[bank, key] = value

    async def fetch(self, bank, key):
        await trio.lowlevel.checkpoint()
        return self.kept.get((bank, key))

    async def fetch_all(self, bank):
        await trio.lowlevel.checkpoint()
        return {key: value for (of, key), value in self.kept.items() if of == bank}

    async def flush(self, bank, key):
        await trio.lowlevel.checkpoint()
        del self.kept[bank, key]


class Desk:
    def __init__(self):
        self.bus, self.workers, self.banks = Bus(), Workers(), Banks()
        self.rules = LoginRules(external_auth=EAUTH)
        self.factors = None
        self.now = 1000.0
        self.told = []

    async def run(self, task_status):
        acl = Acl(external_auth=EAUTH)
        await serve_logins(
            self.bus,
            self.workers,
            self.banks,
            acl,
            rules=lambda: self.rules,
            factors=self.factors,
            clock=lambda: self.now,
            task_status=task_status,
        )

    async def listen(self, task_status):
        async with self.bus.subscribe(LoginDecided, keep=False, depth=1000) as events:
            task_status.started()
            async for event in events:
                self.told.append(event)

    async def login(self, password=PASSWORD, username="ann", eauth="pam", peer="192.0.2.1"):
        return await self.bus.ask(LoginRequest(eauth=eauth, username=username, password=Secret(password), peer=peer))

    async def factor(self, act, password="", code="", **more):
        secrets = {"password": Secret(password), "code": Secret(code)}
        return await self.bus.ask(FactorRequest(act=act, eauth="pam", username="ann", **secrets, **more))

    async def token(self, **more):
        asked = TokenRequest(eauth="pam", username="ann", password=Secret(PASSWORD), **more)
        return await self.bus.ask(asked)

    async def bearer(self, token):
        return await self.bus.ask(LoginRequest(token=Secret(token)))

    async def refused(self, *args, **kwargs):
        """The reason for which somebody was told no, and how many seconds that took."""
        start = trio.current_time()
        with pytest.raises(Unauthenticated, match=r"^Authentication error occurred\.$"):
            await self.login(*args, **kwargs)
        await trio.testing.wait_all_tasks_blocked()
        return self.told[-1].reason, trio.current_time() - start


@pytest.fixture
async def desk(nursery):
    desk = Desk()
    await nursery.start(desk.run)
    await nursery.start(desk.listen)
    yield desk
    nursery.cancel_scope.cancel()


async def test_a_backend_vouches_for_a_name_and_knows_its_groups(autojump_clock, desk):
    assert await desk.login() == Caller(name="ann", eauth="pam", groups=("ann", "ops"))
    await trio.testing.wait_all_tasks_blocked()
    assert [(event.result, event.user, event.eauth, event.peer) for event in desk.told] == [
        (True, "ann", "pam", "192.0.2.1")
    ]
    (call,) = desk.workers.calls
    assert call.fun == ["pam.auth", "pam.groups", "pam.acl"]
    assert call.pub == {"peer": "192.0.2.1"}
    assert all(argument["__kwarg__"] is True for (argument,) in call.arg)


async def test_who_is_wrong_waits_and_is_told_no_more_than_that(autojump_clock, desk):
    for password, username in (("wrong", "ann"), (PASSWORD, "bob")):
        reason, seconds = await desk.refused(password, username)
        assert reason == "the backend does not vouch for them"
        assert seconds >= REFUSED_AFTER_S


@pytest.mark.parametrize(
    ("password", "username", "eauth"),
    [
        ("", "ann", "pam"),
        ("a\0b", "ann", "pam"),
        ("x" * 5000, "ann", "pam"),
        (PASSWORD, "", "pam"),
        (PASSWORD, "a\nb", "pam"),
        (PASSWORD, "a" * 300, "pam"),
        (PASSWORD, "ann", "ldap"),
        (PASSWORD, "ann", "../pam"),
        (PASSWORD, "ann", ""),
    ],
)
async def test_what_makes_no_sense_is_not_asked_and_takes_as_long(autojump_clock, desk, password, username, eauth):
    _reason, seconds = await desk.refused(password, username, eauth)
    assert seconds >= REFUSED_AFTER_S
    assert desk.workers.calls == []


async def test_who_fails_often_is_asked_about_no_more_for_a_while(autojump_clock, desk):
    async with trio.open_nursery() as crowd:
        for _ in range(NAME_BURST):
            crowd.start_soon(desk.refused, "wrong")
    asked = len(desk.workers.calls)
    assert (await desk.refused())[0] == "too many failures of this name"
    assert len(desk.workers.calls) == asked == NAME_BURST
    await trio.sleep(1 / module.NAME_PER_S)
    assert (await desk.login()).name == "ann"


async def test_who_fails_often_from_one_place_is_asked_about_no_more_whatever_the_name(autojump_clock, desk):
    async with trio.open_nursery() as crowd:
        for number in range(PEER_BURST):
            crowd.start_soon(desk.refused, "wrong", f"user{number}")
    assert (await desk.refused())[0] == "too many failures from there"
    assert len(desk.workers.calls) == PEER_BURST
    assert (await desk.login(peer="192.0.2.2")).name == "ann"


async def test_a_backend_that_hangs_is_given_up_and_others_are_served(autojump_clock, desk):
    desk.workers.seconds = 1000
    reason, seconds = await desk.refused()
    assert (reason, seconds) == (f"the backend did not answer within {BACKEND_S:g} s", BACKEND_S)


async def test_a_backend_that_dies_vouches_for_nobody_and_is_named(autojump_clock, desk):
    desk.workers.result = WorkerDied("killed by signal 11")
    reason, seconds = await desk.refused()
    assert (reason, seconds >= REFUSED_AFTER_S) == ("the backend died: killed by signal 11", True)


async def test_a_crowd_is_not_let_wait_without_end(autojump_clock, desk):
    desk.workers.seconds = 20
    reasons = []

    async def one(number):
        await desk.refused("wrong", f"user{number}", peer=str(number))

    async with trio.open_nursery() as crowd:
        for number in range(WAITING + 20):
            crowd.start_soon(one, number)
    reasons = [event.reason for event in desk.told]
    assert reasons.count("too many logins at a time") == 20 - module.BACKENDS


@pytest.mark.parametrize(
    "result",
    [WorkerDied("killed by signal 9"), StoreError("x"), RuntimeError("boom"), f"Traceback: {PASSWORD}", 0, "", [], {}],
)
async def test_a_backend_that_fails_vouches_for_nobody_and_its_words_hold_no_password(autojump_clock, desk, result):
    desk.workers.result = result
    with structlog.testing.capture_logs() as log:
        with pytest.raises((Unauthenticated, WorkerDied, StoreError)):
            await desk.login()
    await trio.testing.wait_all_tasks_blocked()
    assert PASSWORD not in repr(log) + repr([event.to_data() for event in desk.told])


async def test_a_flood_is_told_now_and_then_and_waits_in_no_crowd(autojump_clock, desk, monkeypatch):
    monkeypatch.setattr(module, "MADE_TO_WAIT", 5)
    seconds = []

    async def one():
        start = trio.current_time()
        with pytest.raises(Unauthenticated):
            await desk.login(eauth="nosuch")
        seconds.append(trio.current_time() - start)

    async with trio.open_nursery() as crowd:
        for _ in range(100):
            crowd.start_soon(one)
    await trio.testing.wait_all_tasks_blocked()
    assert len(desk.told) == module.TOLD_BURST
    assert sum(each >= REFUSED_AFTER_S for each in seconds) == 5


# -- tokens --------------------------------------------------------------------------------------------------------------


async def test_a_token_stands_for_who_made_it_until_it_expires(autojump_clock, desk):
    told = await desk.token()
    assert told == {
        "token": told["token"],
        "start": 1000.0,
        "expire": 1000.0 + 43200,
        "name": "ann",
        "eauth": "pam",
        "groups": ["ann", "ops"],
    }
    assert await desk.bearer(told["token"]) == Caller(name="ann", eauth="pam", groups=("ann", "ops"))
    assert (await desk.bus.ask(ShowTokenRequest(token=Secret(told["token"]))))["name"] == "ann"
    desk.now = told["expire"]
    with pytest.raises(Unauthenticated):
        await desk.bearer(told["token"])
    assert await desk.bus.ask(ShowTokenRequest(token=Secret(told["token"]))) == {}


async def test_who_reads_the_store_has_no_token(autojump_clock, desk):
    told = await desk.token()
    assert told["token"] not in repr(desk.banks.kept)
    ((_bank, key),) = desk.banks.kept
    for guess in (key, told["token"].upper(), told["token"][:-1], "", "../x", 5, None):
        with pytest.raises(Unauthenticated):
            await desk.bearer(guess)


async def test_a_token_is_for_who_logs_in_only_and_kept_before_it_is_told(autojump_clock, desk):
    with pytest.raises(Unauthenticated):
        await desk.bus.ask(TokenRequest(eauth="pam", username="ann", password=Secret("wrong")))
    desk.banks.error = StoreError("full")
    with pytest.raises(StoreError):
        await desk.token()
    assert desk.banks.kept == {}


@pytest.mark.parametrize(
    ("override", "wanted", "seconds"),
    [
        (False, 60, 43200),
        (True, 60, 60),
        (True, None, 43200),
        (True, -1, 43200),
        (True, "60", 43200),
        (True, True, 43200),
        ({"pam": ["ann"]}, 60, 60),
        ({"pam": ["bob"]}, 60, 43200),
        ({"file": ["ann"]}, 60, 43200),
        ({"pam": None}, 60, 43200),
    ],
)
async def test_who_may_chooses_how_long_a_token_is_good_for(autojump_clock, desk, override, wanted, seconds):
    desk.rules = LoginRules(external_auth=EAUTH, token_expire_user_override=override)
    told = await desk.token(token_expire=wanted)
    assert told["expire"] - told["start"] == seconds


async def test_a_token_keeps_the_permissions_of_its_time_only_if_it_is_configured_so(autojump_clock, desk):
    desk.rules = LoginRules(external_auth=EAUTH, keep_acl_in_token=True)
    told = await desk.token()
    assert told["auth_list"] == ["test.ping", "@jobs"]
    assert (await desk.bearer(told["token"])).rows == ["test.ping", "@jobs"]
    desk.rules = LoginRules(external_auth=EAUTH)
    assert (await desk.bearer(told["token"])).rows is None


@pytest.mark.parametrize(("rows", "taken"), [(["test.echo"], ["test.echo"]), ("x", None), ({"a": 1}, None), ([], [])])
async def test_a_backend_may_have_the_permissions_too_and_a_token_keeps_them(autojump_clock, desk, rows, taken):
    desk.workers.rows = rows
    assert (await desk.login()).rows == taken
    told = await desk.token()
    assert (await desk.bearer(told["token"])).rows == taken


async def test_a_token_that_was_dropped_is_none(autojump_clock, desk):
    told = await desk.token()
    assert await desk.bus.ask(DropTokenRequest(token=Secret(told["token"]))) is True
    assert await desk.bus.ask(DropTokenRequest(token=Secret(told["token"]))) is False
    with pytest.raises(Unauthenticated):
        await desk.bearer(told["token"])
    assert desk.banks.kept == {}


async def test_a_token_of_a_backend_that_is_not_enabled_any_more_is_none(autojump_clock, desk):
    told = await desk.token()
    desk.rules = LoginRules(external_auth={"file": {}})
    with pytest.raises(Unauthenticated):
        await desk.bearer(told["token"])


async def test_what_has_expired_is_forgotten(autojump_clock, desk):
    await desk.token()
    desk.now += 50000
    await desk.token()
    await trio.sleep(module.EXPIRED_EVERY_S + 1)
    assert [kept["start"] for kept in desk.banks.kept.values()] == [51000.0]


# -- second factors --------------------------------------------------------------------------------------------------


@pytest.fixture
async def strict(nursery, tmp_path):
    """A desk of which ann has a second factor; `code()` is the one of now."""
    strict = Desk()
    strict.factors = Factors(tmp_path, Seal(b"key"), clock=lambda: strict.now)
    strict.rules = attrs.evolve(strict.rules, totp=True)
    await nursery.start(strict.run)
    await nursery.start(strict.listen)
    totp = pyotp.TOTP((await strict.factor("begin", PASSWORD))["secret"])
    strict.code = lambda: totp.at(strict.now)
    await strict.factor("confirm", code=strict.code())
    strict.now += 90
    yield strict
    nursery.cancel_scope.cancel()


async def test_who_has_a_second_factor_shows_it_whichever_way_they_come(autojump_clock, strict):
    asked = {"eauth": "pam", "username": "ann", "password": Secret(PASSWORD)}
    assert (await strict.bus.ask(LoginRequest(**asked, code=Secret(strict.code())))).name == "ann"
    strict.now += 30
    assert "token" in await strict.bus.ask(TokenRequest(**asked, code=Secret(strict.code())))
    strict.now += 30
    # Stock's commands have no word for it.
    assert (await strict.login(PASSWORD + strict.code())).name == "ann"
    assert (await strict.refused(PASSWORD))[0] == "the second factor is missing"
    strict.now += 30
    # A token that is there stays one.
    token = (await strict.token(code=Secret(strict.code())))["token"]
    assert (await strict.bearer(token)).name == "ann"


async def test_a_wrong_code_is_told_as_a_wrong_password_is_and_few_may_be_tried(autojump_clock, strict):
    wrong = f"{(int(strict.code()) + 500_000) % 1_000_000:06}"
    for _ in range(module.CODE_BURST):
        reason, seconds = await strict.refused(PASSWORD + wrong)
        assert (reason, seconds >= REFUSED_AFTER_S) == ("the code is wrong", True)
    assert (await strict.refused(PASSWORD + strict.code()))[0] == "too many wrong codes of this name"
    await trio.sleep(1 / module.CODE_PER_S)
    assert (await strict.login(PASSWORD + strict.code())).name == "ann"


async def test_a_code_is_not_used_up_by_who_does_not_know_the_password(autojump_clock, strict):
    code = strict.code()
    assert (await strict.refused("wrong" + code))[0] == "the backend does not vouch for them"
    assert (await strict.login(PASSWORD + code)).name == "ann"
    assert (await strict.refused(PASSWORD + code))[0] == "the code was used already"


async def test_where_they_are_off_nobody_is_asked_for_one(autojump_clock, strict):
    strict.rules = attrs.evolve(strict.rules, totp=False)
    assert (await strict.login()).name == "ann"
    with pytest.raises(FactorError, match="totp is off"):
        await strict.factor("status")


async def test_who_takes_theirs_away_shows_password_and_code(autojump_clock, strict):
    for secrets in ({}, {"password": PASSWORD}, {"password": PASSWORD, "code": "x"}, {"code": strict.code()}):
        with pytest.raises(Unauthenticated):
            await strict.factor("remove", **secrets)
    assert (await strict.factor("status"))["enrolled"]
    assert await strict.factor("remove", PASSWORD, strict.code()) == {"removed": True}
    assert (await strict.login()).name == "ann"


async def test_who_sets_one_up_shows_their_password_and_an_administrator_need_not(autojump_clock, strict):
    assert await strict.factor("remove", trusted=True) == {"removed": True}
    with pytest.raises(Unauthenticated):
        await strict.factor("begin", "wrong")
    assert "secret" in await strict.factor("begin", trusted=True)
    assert await strict.factor("list", trusted=True) == {}
    for act in ("list", "odd"):
        with pytest.raises(FactorError):
            await strict.factor(act)


# -- without a password ----------------------------------------------------------------------------------------------


async def test_who_was_verified_elsewhere_has_a_token_with_their_groups(autojump_clock, desk):
    desk.rules = LoginRules(external_auth={**EAUTH, "oidc": {"ops%": [".*"]}})
    made = await desk.bus.ask(VouchRequest(eauth="oidc", username="ann@example.org", groups=("ops",), peer="192.0.2.9"))
    assert await desk.bearer(made["token"]) == Caller(name="ann@example.org", eauth="oidc", groups=("ops",))
    await trio.testing.wait_all_tasks_blocked()
    assert (desk.told[-1].result, desk.told[-1].eauth, desk.workers.calls) == (True, "oidc", [])


@pytest.mark.parametrize(
    ("eauth", "username"), [("pam", "ann"), ("proxy", "ann"), ("oidc", ""), ("oidc", "a\nb"), ("oidc", "a" * 300)]
)
async def test_nobody_is_vouched_for_in_the_name_of_a_backend_that_has_passwords(autojump_clock, desk, eauth, username):
    desk.rules = LoginRules(external_auth={**EAUTH, "oidc": {}})
    with pytest.raises(Unauthenticated):
        await desk.bus.ask(VouchRequest(eauth=eauth, username=username))
    assert desk.banks.kept == {}
    # And nobody who is vouched for has one.
    assert (await desk.refused(eauth="oidc"))[0] == 'the eauth system "oidc" knows no passwords'
    assert desk.workers.calls == []
