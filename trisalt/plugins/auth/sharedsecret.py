"""
One secret for all, the option ``sharedsecret``.

.. code-block:: yaml

    sharedsecret: a long random text
    external_auth:
      sharedsecret:
        ann:
          - .*
"""

import hmac


def auth(username, password):
    """
    Whether the password is the shared secret; never, where there is none
    """
    secret = __opts__.get("sharedsecret")
    if not isinstance(secret, str) or not secret:
        return False
    return hmac.compare_digest(secret.encode(), str(password).encode())
