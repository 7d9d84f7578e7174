"""Keys."""

import hashlib


def pem_finger(path=None, key=None, sum_type="sha256"):
    """The fingerprint of a public key, of a file or of bytes; "" where there is none."""
    if not key:
        try:
            with open(path, "rb") as file:
                key = b"".join(line for line in file.read().splitlines(True)[1:-1])
        except (OSError, TypeError):
            return ""
    digest = hashlib.new(sum_type, key).hexdigest()
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))
