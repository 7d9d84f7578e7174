"""
The pillar so far with all its PGP messages decrypted, wherever they stand.

.. code-block:: yaml

    ext_pillar:
      - gpg: {}
"""

from trisalt.pillar.compile import gpg_keydir
from trisalt.sls.gpg import decrypt


def ext_pillar(minion_id, pillar, *args, **kwargs):
    """
    The whole pillar anew, by the keys in ``gpg_keydir``
    """
    must_succeed = __opts__.get("gpg_decrypt_must_succeed", True)
    return decrypt(dict(pillar), keydir=gpg_keydir(__opts__), must_succeed=must_succeed)
