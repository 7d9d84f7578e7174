"""Passwords."""

import re
import secrets
import string

from trisalt.errors import InvocationError
from trisalt.loader.loader import Loader

known_methods = ["sha512", "sha256", "blowfish", "md5", "crypt"]
methods = {name: name for name in known_methods}
HAS_CRYPT = True


def secure_password(
    length=20,
    use_random=True,
    chars=None,
    lowercase=True,
    uppercase=True,
    digits=True,
    punctuation=True,
    whitespace=False,
    printable=False,
):
    """A password of signs of these kinds."""
    signs = chars or "".join(
        kind
        for kind, wanted in (
            (string.ascii_lowercase, lowercase),
            (string.ascii_uppercase, uppercase),
            (string.digits, digits),
            (string.punctuation, punctuation),
            (string.whitespace, whitespace),
            (string.printable, printable),
        )
        if wanted
    )
    return "".join(secrets.choice(signs) for _ in range(int(length)))


def gen_hash(crypt_salt=None, password=None, algorithm=None):
    """The hash of a password for `/etc/shadow`; of a random one without one. Raises SaltInvocationError."""
    if password is None:
        password = secure_password()
    if crypt_salt is not None and not re.fullmatch(r"[A-Za-z0-9./$=]+", str(crypt_salt)):
        raise InvocationError("the salt has signs in it that no salt has")
    return Loader("utils", {})["crypted.hashed"](str(password), crypt_salt, algorithm or "sha512")
