"""Second factors: codes that are good once, a file that is sealed, and what becomes of a login with them."""

import stat

import pyotp
import pytest
import trio

from tests.support.clock import Clock
from trisalt.errors import TrisaltError
from trisalt.master import factors as module
from trisalt.master.factors import FactorError, Factors, find_step, split_code, tidy
from trisalt.wire.seal import Seal

# RFC 6238, appendix B, of SHA-1, cut to six digits.
RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
RFC = [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (20000000000, "353130")]


@pytest.fixture
def clock():
    return Clock(1_700_000_000.0)


@pytest.fixture
def factors(tmp_path, clock):
    return Factors(tmp_path, Seal(b"key"), clock=clock)


async def enrol(factors, clock, user="ann"):
    """The secret and the backup codes of somebody new."""
    begun = factors.begin("pam", user)
    backup = (await factors.confirm("pam", user, pyotp.TOTP(begun["secret"]).at(clock.now)))["backup"]
    clock.now += 90
    return begun["secret"], backup


@pytest.mark.parametrize(("moment", "code"), RFC)
def test_codes_are_those_of_the_standard(moment, code):
    assert find_step(RFC_SECRET, code, moment) == moment // 30
    assert find_step(RFC_SECRET, code, moment + 30) == moment // 30
    assert find_step(RFC_SECRET, code, moment + 61) is None


@pytest.mark.parametrize("code", ["", "28708", "2870822", "28708a", "２８７０８２", "287 082"])
def test_what_is_no_code_is_none(code):
    assert find_step(RFC_SECRET, code, 59) is None


def test_codes_are_read_as_people_copy_them():
    assert tidy(" 287 082\n") == "287082"
    assert tidy("ABCDE-fghij") == "abcdefghij"


@pytest.mark.parametrize(
    ("given", "parted"),
    [("hunter2123456", ("hunter2", "123456")), ("123456", ("123456", "")), ("pass", ("pass", "")), ("", ("", ""))],
)
def test_a_code_may_stand_right_after_the_password(given, parted):
    assert split_code(given) == parted


async def test_a_code_is_good_once_also_after_a_restart(factors, clock, tmp_path):
    secret, _backup = await enrol(factors, clock)
    code = pyotp.TOTP(secret).at(clock.now)
    assert await factors.why_not("pam", "ann", code) == ""
    assert await factors.why_not("pam", "ann", code) == "the code was used already"
    again = Factors(tmp_path, Seal(b"key"), clock=clock)
    assert await again.why_not("pam", "ann", code) == "the code was used already"
    # Nor is the one before it, which a clock that is behind would show.
    assert await again.why_not("pam", "ann", pyotp.TOTP(secret).at(clock.now - 30)) == "the code was used already"
    clock.now += 30
    assert await again.why_not("pam", "ann", pyotp.TOTP(secret).at(clock.now)) == ""


async def test_of_two_at_once_with_the_same_code_one_is_let_in(factors, clock):
    secret, _backup = await enrol(factors, clock)
    code, said = pyotp.TOTP(secret).at(clock.now), []

    async def come():
        said.append(await factors.why_not("pam", "ann", code))

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(come)
    assert sorted(said) == ["", "the code was used already", "the code was used already"]


async def test_a_backup_code_is_good_once_and_counted(factors, clock, tmp_path):
    _secret, backup = await enrol(factors, clock)
    assert (len(backup), len(set(backup))) == (10, 10)
    assert await factors.why_not("pam", "ann", backup[3].upper()) == ""
    assert await factors.why_not("pam", "ann", backup[3]) == "the code is wrong"
    assert Factors(tmp_path, Seal(b"key")).status("pam", "ann")["backup"] == 9


async def test_the_file_is_for_nobody_else_and_tells_nothing(factors, clock, tmp_path):
    secret, backup = await enrol(factors, clock)
    path = tmp_path / module.FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not any(word.encode() in path.read_bytes() for word in (secret, backup[0], "ann"))
    assert secret not in repr(factors._known)


async def test_a_file_that_does_not_open_lets_nobody_in(factors, clock, tmp_path):
    await enrol(factors, clock)
    other = Factors(tmp_path, Seal(b"another key"), clock=clock)
    assert other.wants("pam", "bob")
    assert await other.why_not("pam", "bob", "123456") == "second factors cannot be read"
    with pytest.raises(FactorError):
        other.status("pam", "ann")
    with pytest.raises(FactorError):
        other.begin("pam", "bob")
    before = (tmp_path / module.FILE).read_bytes()
    with pytest.raises(FactorError):
        await other.remove("pam", "ann")
    assert (tmp_path / module.FILE).read_bytes() == before


async def test_a_use_that_cannot_be_written_down_is_none(factors, clock, monkeypatch):
    secret, backup = await enrol(factors, clock)

    def full(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write_private", full)
    code = pyotp.TOTP(secret).at(clock.now)
    assert "No space left" in await factors.why_not("pam", "ann", code)
    monkeypatch.undo()
    assert await factors.why_not("pam", "ann", code) == "the code was used already"
    assert await factors.why_not("pam", "ann", backup[0]) == ""


async def test_what_is_set_up_counts_once_a_code_of_it_was_shown_in_time(factors, clock):
    begun = factors.begin("pam", "ann")
    assert begun["uri"].startswith("otpauth://totp/trisalt:ann?secret=")
    assert not factors.wants("pam", "ann")
    with pytest.raises(FactorError, match="wrong"):
        await factors.confirm(
            "pam", "ann", "000000" if find_step(begun["secret"], "000000", clock.now) is None else "1"
        )
    with pytest.raises(FactorError, match="Nothing has been begun"):
        await factors.confirm("pam", "bob", "123456")
    clock.now += module.BEGUN_S + 1
    with pytest.raises(FactorError, match="too long ago"):
        await factors.confirm("pam", "ann", pyotp.TOTP(begun["secret"]).at(clock.now))
    await enrol(factors, clock)
    assert (factors.wants("pam", "ann"), factors.wants("file", "ann")) == (True, False)
    with pytest.raises(FactorError, match="already"):
        factors.begin("pam", "ann")
    assert list(factors.list()) == ["pam/ann"]
    assert await factors.remove("pam", "ann")
    assert not await factors.remove("pam", "ann")
    assert not factors.wants("pam", "ann")


def test_an_error_of_it_is_one_of_ours():
    assert issubclass(FactorError, TrisaltError)
