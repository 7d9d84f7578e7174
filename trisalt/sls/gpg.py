"""The `gpg` renderer: texts that hold a PGP message are decrypted, by the program `gpg`.

Source: stock Salt 3008.3.
"""

from __future__ import annotations

import logging
import re
import shutil
import subprocess
from typing import Any

from trisalt.sls.failure import SlsError

log = logging.getLogger(__name__)

MESSAGE = re.compile(
    rb"-----BEGIN PGP MESSAGE-----(?:(?!-----END PGP MESSAGE-----).)*-----END PGP MESSAGE-----", re.DOTALL
)
PATIENCE_S = 60


def decrypt(data: Any, *, keydir: str, must_succeed: bool = True, translate_newlines: bool = False) -> Any:
    """`data` with all its PGP messages decrypted; the rest as it is.

    Raises SlsError when `gpg` is not there, or, with `must_succeed`, when a message cannot be decrypted.
    """
    program = shutil.which("gpg")
    if program is None:
        raise SlsError("GPG unavailable")

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return type(value)((key, walk(each)) for key, each in value.items())
        if isinstance(value, list):
            return type(value)(walk(each) for each in value)
        return text(value) if isinstance(value, str | bytes) else value

    def text(value: str | bytes) -> str | bytes:
        raw = value if isinstance(value, bytes) else value.encode()
        if translate_newlines:
            raw = raw.replace(b"\\n", b"\n")
        if not MESSAGE.search(raw):
            return value
        made = MESSAGE.sub(lambda found: _message(program, found.group(), keydir, must_succeed), raw).rstrip(b"\n")
        try:
            return made.decode()
        except UnicodeDecodeError:
            return made

    return walk(data)


def _message(program: str, message: bytes, keydir: str, must_succeed: bool) -> bytes:
    command = [program, *(["--homedir", keydir] if keydir else []), "--status-fd", "2", "--no-tty", "--batch", "-d"]
    try:
        done = subprocess.run(command, input=message, capture_output=True, timeout=PATIENCE_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise SlsError(f"gpg: {exc}") from exc
    if done.stdout:
        return done.stdout
    said = done.stderr.decode(errors="replace").strip().splitlines()
    # The last in words; the others are for programs.
    reason = next((line for line in reversed(said) if not line.startswith("[GNUPG:]")), "gpg does not say why")
    log.error("a PGP message could not be decrypted: %s", reason)
    if must_succeed:
        raise SlsError(f"a PGP message could not be decrypted: {reason}")
    return message
