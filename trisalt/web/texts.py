"""What the service says to people, in their language: one catalogue, by the English text.

Everything is made in English, also what the master says; it is put into another language where it leaves for a browser
that asks for one: by the cookie of the console, or else by `Accept-Language`. Who sends neither reads English. What a
text names stands between braces, and is left as it is; a text that is not here is left too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from starlette.requests import HTTPConnection

COOKIE = "trisalt_language"
ENGLISH, LANGUAGES = "en", ("en", "ko")
# What is longer is somebody else's text.
LONGEST = 1000
_QUALITY = re.compile(r"q=([01](?:\.[0-9]{1,3})?)")

KOREAN: Mapping[str, str] = {
    # -- signing in and out
    "Could not authenticate using provided credentials": "입력한 정보로 로그인할 수 없습니다",
    "Authentication error occurred.": "인증에 실패했습니다.",
    "Authorization error occurred.": "권한이 없습니다.",
    "No valid session: please log in": "유효한 세션이 없습니다. 로그인하십시오",
    "Please log in": "로그인하십시오",
    "Your token has been cleared": "로그아웃했습니다",
    "Too many attempts: wait {seconds} s": "시도가 너무 많습니다. {seconds}초 기다리십시오",
    "Too many attempts: wait {seconds} seconds": "시도가 너무 많습니다. {seconds}초 기다리십시오",
    "User name or password is wrong": "사용자 이름 또는 비밀번호가 올바르지 않습니다",
    "There are no credentials in the body": "요청 본문에 로그인 정보가 없습니다",
    "Missing one of username, password, eauth": "username, password, eauth 중 빠진 것이 있습니다",
    "Invalid token": "잘못된 토큰입니다",
    "The message is not signed as this webhook wants it": "이 웹훅이 요구하는 서명이 아닙니다",
    # -- what may not be done
    "The user {user} may not do this": "사용자 {user}에게 이 작업의 권한이 없습니다",
    "The user {user} may not see this": "사용자 {user}에게 이것을 볼 권한이 없습니다",
    "The user {user} may not see who did what": "사용자 {user}에게 감사 기록을 볼 권한이 없습니다",
    "The user {user} may not see keys": "사용자 {user}에게 키를 볼 권한이 없습니다",
    "The user {user} may not see the configuration": "사용자 {user}에게 설정을 볼 권한이 없습니다",
    "The user {user} may not fire events": "사용자 {user}에게 이벤트를 보낼 권한이 없습니다",
    "The user {user} may not see the job {jid}": "사용자 {user}에게 작업 {jid}을(를) 볼 권한이 없습니다",
    "The user {user} may ask about themselves only": "사용자 {user}은(는) 자기 권한만 물어볼 수 있습니다",
    "This address may not come in": "이 주소에서는 접속할 수 없습니다",
    "This request comes from another site": "다른 사이트에서 온 요청입니다",
    "There are too many streams already": "이미 스트림이 너무 많습니다",
    # -- second factors
    "The password, or the code, is wrong": "비밀번호 또는 코드가 올바르지 않습니다",
    "There are no second factors here: the option totp is off": "2단계 인증을 쓰지 않습니다: totp 옵션이 꺼져 있습니다",
    "There is a second factor already: remove it first": "이미 2단계 인증이 있습니다. 먼저 제거하십시오",
    "Nothing has been begun that could be confirmed, or too long ago": (
        "확인할 설정이 없거나 시작한 지 너무 오래되었습니다"
    ),
    "The code is wrong: is the clock of the device right?": "코드가 올바르지 않습니다. 기기의 시계가 맞습니까?",
    "Second factors need the extra trisalt[totp]": "2단계 인증에는 trisalt[totp]가 필요합니다",
    # -- why
    "it is granted": "허용되어 있습니다",
    "several permissions together grant it": "여러 권한이 함께 허용합니다",
    "nothing is granted to this user": "이 사용자에게 허용된 것이 없습니다",
    "nothing is granted": "허용된 것이 없습니다",
    "it names no function": "함수 이름이 없습니다",
    "the user is on the blacklist": "사용자가 차단 목록에 있습니다",
    "{fun} is on the blacklist": "{fun}이(가) 차단 목록에 있습니다",
    "{fun} is not granted with these arguments": "{fun}은(는) 이 인수로는 허용되지 않습니다",
    "{fun} is not granted": "{fun}은(는) 허용되지 않습니다",
    "{id} is not within {places}": "{id}은(는) {places} 범위에 없습니다",
    "{user} is an administrator of this master": "{user}은(는) 이 마스터의 관리자입니다",
    "{reason}; it is granted with somebody's approval": "{reason}. 다른 사람이 승인하면 할 수 있습니다",
    "Nobody approves what they have asked for themselves": "자기가 요청한 것은 스스로 승인할 수 없습니다",
    "There is no request {id}": "요청 {id}이(가) 없습니다",
    "It has been decided already, or waited too long": "이미 결정되었거나 기한이 지났습니다",
    "it is granted already: nobody has to approve it": "이미 허용되어 있어 승인이 필요 없습니다",
    "no more than {most} requests of one person wait at a time": "한 사람의 요청은 {most}개까지 기다릴 수 있습니다",
    # -- questions that mean nothing
    "There is no parameter {name}: {names} may be given": "매개변수 {name}은(는) 없습니다. 쓸 수 있는 것: {names}",
    "There is no field {name}: {names} may be given": "필드 {name}은(는) 없습니다. 쓸 수 있는 것: {names}",
    "{name} is longer than {most} characters": "{name}이(가) {most}자보다 깁니다",
    "The body is an object": "본문은 객체여야 합니다",
    "The body is nested too deep": "본문의 중첩이 너무 깊습니다",
    "The body has more than the {most} bytes that are allowed": "본문이 허용된 {most}바이트보다 큽니다",
    "The body was not here within {seconds} s": "본문이 {seconds}초 안에 오지 않았습니다",
    "Unable to parse the body as {kind}": "본문을 {kind}(으)로 읽을 수 없습니다",
    "Content type not supported: {kind}": "지원하지 않는 형식입니다: {kind}",
    "This takes no parameters": "매개변수를 받지 않습니다",
    "The cursor is none of this list": "이 목록의 커서가 아닙니다",
    "the cursor is none of this list": "이 목록의 커서가 아닙니다",
    "There is no command in the body": "본문에 명령이 없습니다",
    "Lowstates must be a list": "명령은 목록이어야 합니다",
    "Missing parameter: {name}": "빠진 매개변수: {name}",
    "Client disabled: '{client}'. Add to 'netapi_enable_clients' master config option to enable.": (
        "클라이언트 '{client}'이(가) 꺼져 있습니다. 마스터 설정 netapi_enable_clients에 추가하십시오."
    ),
    "No more than {most} commands at a time": "한 번에 명령 {most}개까지입니다",
    # -- what is not there
    "There is no minion {id}": "미니언 {id}이(가) 없습니다",
    "There is no function {fun}": "함수 {fun}이(가) 없습니다",
    "There is no such page": "그런 페이지가 없습니다",
    "No job with the jid {jid} is known": "작업 {jid}을(를) 찾을 수 없습니다",
    "Not Found": "찾을 수 없습니다",
    "Method Not Allowed": "허용되지 않는 메서드입니다",
    "The salt master could not be contacted. Is master running?": (
        "마스터에 연결할 수 없습니다. 마스터가 실행 중입니까?"
    ),
    "The salt master did not answer in time.": "마스터가 제때 응답하지 않았습니다.",
    "The server failed to answer; its log says why": "서버가 응답하지 못했습니다. 서버 로그를 확인하십시오",
    "the master failed to answer; its log says why": "마스터가 응답하지 못했습니다. 마스터 로그를 확인하십시오",
    # -- issues
    "{names} and {n} more": "{names} 외 {n}개",
    "{names}: sent a key that is not the one that is accepted": "{names}: 승인된 것과 다른 키를 보냈습니다",
    "{names}: wait for their keys to be accepted": "{names}: 키 승인을 기다립니다",
    "{names}: away": "{names}: 응답 없음",
    "{names}: accepted, and never seen": "{names}: 승인되었으나 접속한 적이 없습니다",
    "{fun} by {user} still runs on {missing} of {size} minions": (
        "{user}의 {fun}이(가) 미니언 {size}개 중 {missing}개에서 아직 실행 중입니다"
    ),
    "{names}: the last highstate failed": "{names}: 마지막 highstate가 실패했습니다",
    "{names}: of another version than this master ({version})": "{names}: 마스터({version})와 버전이 다릅니다",
    "{names}: beacons are disabled": "{names}: 비컨이 꺼져 있습니다",
    "{names}: beacons are disabled in the pillar": "{names}: 필라에서 비컨이 꺼져 있습니다",
    "{names}: the beacon {name} is disabled": "{names}: 비컨 {name}이(가) 꺼져 있습니다",
    "{names}: the beacon {name} is disabled in the pillar": "{names}: 필라에서 비컨 {name}이(가) 꺼져 있습니다",
    "{names}: the schedule is disabled": "{names}: 스케줄이 꺼져 있습니다",
    "{names}: the schedule is disabled in the pillar": "{names}: 필라에서 스케줄이 꺼져 있습니다",
    "{names}: the job {name} of the schedule is disabled": "{names}: 스케줄의 작업 {name}이(가) 꺼져 있습니다",
    "{names}: the job {name} of the schedule is disabled in the pillar": (
        "{names}: 필라에서 스케줄의 작업 {name}이(가) 꺼져 있습니다"
    ),
    "{path} is not there": "{path}이(가) 없습니다",
    "{path} cannot be read: {reason}": "{path}을(를) 읽을 수 없습니다: {reason}",
    "The certificate {path} ended on {day}": "인증서 {path}이(가) {day}에 만료되었습니다",
    "The certificate {path} ends on {day}": "인증서 {path}이(가) {day}에 만료됩니다",
    "This master cannot read /etc/shadow, so that PAM knows no password: its account belongs into the group shadow": (
        "마스터가 /etc/shadow를 읽을 수 없어 PAM이 비밀번호를 확인하지 못합니다. 마스터 계정을 shadow 그룹에 넣으십시오"
    ),
    "The store cannot write: the master's log says why": "저장소에 쓸 수 없습니다. 마스터 로그를 확인하십시오",
    "The store is damaged: the master's log says why": "저장소가 손상되었습니다. 마스터 로그를 확인하십시오",
    "{size} GiB are free where jobs and events are kept": "작업과 이벤트를 두는 곳에 {size} GiB가 남았습니다",
    "The store holds {used} MiB of {bound}: the oldest jobs and events go before their time": (
        "저장소가 {bound} MiB 중 {used} MiB를 씁니다. 오래된 작업과 이벤트가 일찍 지워집니다"
    ),
    "Events were lost: the disk did not keep up": "디스크가 느려 이벤트를 잃었습니다",
    # -- pages without scripts
    "Sign in": "로그인",
    "Sign out": "로그아웃",
    "Sign in without scripts: to read only": "스크립트 없이 로그인: 읽기 전용",
    "User name": "사용자 이름",
    "Password": "비밀번호",
    "Code, if you have set one up": "인증 코드 (설정한 경우)",
    "Method": "인증 방법",
    "Next page": "다음 쪽",
    "Minions": "미니언",
    "Minion": "미니언",
    "Status": "상태",
    "Address": "주소",
    "System": "시스템",
    "Version": "버전",
    "Jobs": "작업",
    "Job": "작업",
    "Time": "시각",
    "Function": "함수",
    "Target": "대상",
    "User": "사용자",
    "State": "상태",
}
_CATALOGUES: Mapping[str, Mapping[str, str]] = {"ko": KOREAN}
# What of a text is put into the language too.
_AGAIN = frozenset({"names", "reason"})


def language_of(connection: HTTPConnection) -> str:
    """The language of whoever reads the answer."""
    chosen = connection.cookies.get(COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    return _preferred(connection.headers.get("accept-language", "")[:256])


@lru_cache(maxsize=64)
def _preferred(header: str) -> str:
    best, weight = ENGLISH, 0.0
    for part in header.split(","):
        tag, *parameters = (word.strip().lower() for word in part.split(";"))
        found = next((match for word in parameters if (match := _QUALITY.fullmatch(word))), None)
        quality = 1.0 if found is None else float(found[1])
        name = tag.partition("-")[0]
        if name in LANGUAGES and quality > weight:
            best, weight = name, quality
    return best


def say(text: str, language: str) -> str:
    """A text of ours in a language; as it is where it is not in the catalogue."""
    catalogue = _CATALOGUES.get(language)
    if catalogue is None or not 0 < len(text) <= LONGEST:
        return text
    if (said := catalogue.get(text)) is not None:
        return said
    for pattern, template in _patterns(language):
        if (found := pattern.fullmatch(text)) is not None:
            values = {
                name: say(value, language) if name in _AGAIN else value for name, value in found.groupdict().items()
            }
            return _filled(template, values)
    return text


def say_all(value: Any, paths: tuple[str, ...], language: str) -> Any:
    """A map with the texts under these names in a language: `because`, or `items.text` for those of a list."""
    if language not in _CATALOGUES or not isinstance(value, dict):
        return value
    value = dict(value)
    for path in paths:
        name, _dot, rest = path.partition(".")
        held = value.get(name)
        if rest and isinstance(held, list | tuple):
            value[name] = [say_all(each, (rest,), language) for each in held]
        elif isinstance(held, str):
            value[name] = say(held, language)
    return value


@lru_cache(maxsize=len(LANGUAGES))
def _patterns(language: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Those texts that name something: the ones that say most of themselves first."""
    rows = [(english, said) for english, said in _CATALOGUES[language].items() if "{" in english]
    rows.sort(key=lambda row: -len(re.sub(r"\{\w+\}", "", row[0])))
    return tuple((_pattern(english), said) for english, said in rows)


def _pattern(english: str) -> re.Pattern[str]:
    pieces = re.split(r"\{(\w+)\}", english)
    return re.compile(
        "".join(f"(?P<{piece}>.+?)" if number % 2 else re.escape(piece) for number, piece in enumerate(pieces)),
        re.DOTALL,
    )


def _filled(template: str, values: Mapping[str, str]) -> str:
    # In one go: what is filled in may look like a name between braces.
    return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], found[0]), template)
