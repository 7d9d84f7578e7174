"""
Tokens of external authentication: made for whom a backend vouches, and dropped.
"""

from trisalt.worker import upcall


def mk_token(**load):
    """
    A new token, by ``eauth``, ``username`` and ``password``: what the master keeps of it, and the token

    ``token_expire`` is how many seconds it is to be good for, where the option ``token_expire_user_override`` lets its
    owner say so. Empty, and a retcode of 1, when the backend does not vouch for them.

    CLI Example:

    .. code-block:: bash

        salt-run auth.mk_token eauth=pam username=ann password=secret
    """
    named = {key: str(load.get(key, "")) for key in ("eauth", "username", "password")}
    made = upcall.make_token(**named, token_expire=load.get("token_expire"))
    if not made:
        __context__["retcode"] = 1
    return made


def del_token(token):
    """
    Have a token mean nothing from now on: True, or False for one that means nothing already

    CLI Example:

    .. code-block:: bash

        salt-run auth.del_token 6556760736e4077daa601baec2b67c24...
    """
    return upcall.drop_token(str(token))
