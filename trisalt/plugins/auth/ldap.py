"""
Accounts of an LDAP directory: OpenLDAP and its kin, Active Directory, FreeIPA.

.. code-block:: yaml

    auth.ldap.uri: ldaps://ldap.example.com       # or server, port, tls; starttls
    auth.ldap.basedn: dc=example,dc=com
    auth.ldap.binddn: cn=reader,dc=example,dc=com  # who searches; without bindpw: who signs in, {{ username }} in it
    auth.ldap.bindpw: secret
    auth.ldap.filter: uid={{ username }}
    external_auth:
      ldap:
        ann: ['test.*']
        operators%: ['@runner']                    # a group

The directory is asked with the password in any case: it is what it vouches for. Options and their defaults are stock
Salt's; ``auth.ldap.ca_file`` names the authorities of a directory whose certificate others do not know.
"""

import logging
import ssl
from contextlib import contextmanager

try:
    import ldap3
    from ldap3.core.exceptions import LDAPException
    from ldap3.utils.conv import escape_filter_chars
    from ldap3.utils.dn import escape_rdn, parse_dn
except ImportError:
    ldap3 = None

log = logging.getLogger(__name__)

PATIENCE = 8
DEFAULTS = {
    "uri": "",
    "server": "localhost",
    "port": "389",
    "basedn": "",
    "scope": 2,
    "groupou": "Groups",
    "accountattributename": "memberUid",
    "groupattribute": "memberOf",
    "persontype": "person",
    "groupclass": "posixGroup",
}
SCOPES = {0: "BASE", 1: "LEVEL", 2: "SUBTREE"}

# Whom this process has vouched for, and their groups: who may not be searched for without their password.
_members = {}


def __virtual__():
    if ldap3 is None:
        return False, "The Python library ldap3 is not installed: the extra trisalt[ldap] brings it"
    return True


def auth(username, password):
    """
    Whether the directory vouches for them
    """
    _members.pop(username, None)
    # A name without a password is nobody's, though a directory may take it for a greeting.
    if not _is_name(username) or not password or "\0" in password:
        return False
    try:
        dn = _dn_of(username)
        if dn is None:
            return False
        with _bound(dn, password) as connection:
            _members[username] = _groups(None if _searcher() else connection, username)
    except LDAPException as exc:
        log.info("external_auth: ldap: the directory does not vouch for %s: %s", username, type(exc).__name__)
        return False
    except ValueError as exc:
        log.error("external_auth: ldap: %s", exc)
        return False
    return True


def groups(username):
    """
    The names of the groups that they are in
    """
    if username in _members:
        return _members[username]
    if not _is_name(username) or not (_searcher() or _option("anonymous")):
        return []
    try:
        return _groups(None, username)
    except (LDAPException, ValueError) as exc:
        log.error("external_auth: ldap: the groups of %s: %s", username, exc)
        return []


def _option(name):
    return __opts__.get(f"auth.ldap.{name}", DEFAULTS.get(name, False))


def _searcher():
    """Who searches: a name and a password, or None where nobody does but who signs in."""
    return (_option("binddn"), _option("bindpw")) if _option("binddn") and _option("bindpw") else None


def _is_name(username):
    return isinstance(username, str) and bool(username) and username.isprintable()


@contextmanager
def _bound(dn, password):
    """A connection to the first server that answers, bound by this name. Raises ValueError, LDAPException."""
    starttls, tls = _option("starttls"), _option("tls")
    if starttls and tls:
        raise ValueError("auth.ldap.starttls and auth.ldap.tls exclude each other")
    scheme = "ldaps" if tls else "ldap"
    uris = str(_option("uri")).split() or [f"{scheme}://{_option('server')}:{_option('port')}"]
    secured = ldap3.Tls(
        validate=ssl.CERT_NONE if _option("no_verify") else ssl.CERT_REQUIRED,
        ca_certs_file=_option("ca_file") or None,
    )
    for number, uri in enumerate(uris, 1):
        connection = ldap3.Connection(
            ldap3.Server(uri, tls=secured, connect_timeout=PATIENCE, get_info=ldap3.NONE),
            user=dn,
            password=password,
            receive_timeout=PATIENCE,
            auto_referrals=False,
            raise_exceptions=True,
            read_only=True,
        )
        try:
            connection.open()
            break
        except LDAPException:
            if number == len(uris):
                raise
    try:
        if starttls:
            connection.start_tls()
        connection.bind()
        yield connection
    finally:
        connection.strategy.close()


def _searching():
    """A connection that may search: bound as who searches, or anonymous."""
    searcher = _searcher()
    return _bound(*searcher) if searcher else _bound(None, None)


def _dn_of(username):
    """The name that a user is bound by; None for nobody. Raises LDAPException, ValueError."""
    if _searcher() or (_option("anonymous") and not _option("binddn")):
        return _found(username)
    if not _option("binddn"):
        raise ValueError("auth.ldap.binddn does not say who is to be bound")
    template = str(_option("binddn"))
    # `cn={{ username }},dc=…`, or `{{ username }}@example.com`.
    return _rendered(template, escape_rdn(username) if "=" in template else username)


def _found(username):
    """Of a search by `filter`, the only one."""
    if not _option("filter"):
        raise ValueError("auth.ldap.filter does not say how users are found")
    wanted = _rendered(str(_option("filter")), escape_filter_chars(username))
    with _searching() as connection:
        entries = _entries(connection, _option("basedn"), wanted, [], SCOPES.get(int(_option("scope")), "SUBTREE"))
    if len(entries) > 1:
        log.error("external_auth: ldap: there are %d entries for %s", len(entries), username)
    return entries[0][0] if len(entries) == 1 else None


def _entries(connection, base, wanted, attributes, scope="SUBTREE"):
    """`(dn, {attribute: [text]})` of what is found; references to other directories are not followed."""
    if not wanted.startswith("("):
        wanted = f"({wanted})"
    try:
        connection.search(str(base), wanted, search_scope=scope, attributes=attributes)
    except ldap3.core.exceptions.LDAPNoSuchObjectResult:
        return []
    found = []
    for entry in connection.response or ():
        if entry.get("type") == "searchResEntry":
            raw = {name.lower(): values for name, values in entry["raw_attributes"].items()}
            found.append((entry["dn"], {name: [_text(value) for value in values] for name, values in raw.items()}))
    return found


def _groups(connection, username):
    """The groups of a user, as whoever is bound by `connection` sees them; None: as who searches does."""
    if connection is not None:
        return _looked_up(connection, username)
    with _searching() as own:
        return _looked_up(own, username)


def _looked_up(connection, username):
    if _option("activedirectory"):
        names = _of_active_directory(connection, username)
    elif _option("freeipa"):
        names = _of_freeipa(connection, username)
    else:
        names = _of_openldap(connection, username)
    return sorted(set(names))


def _of_active_directory(connection, username):
    account, base = str(_option("accountattributename")), _option("basedn")
    name = escape_filter_chars(username)
    people = _entries(connection, base, f"(&({account}={name})(objectClass={_option('persontype')}))", [])
    for dn, _attributes in people[:1]:
        wanted = f"(&(member={escape_filter_chars(dn)})(objectClass={_option('groupclass')}))"
        for _dn, attributes in _entries(connection, base, wanted, ["cn"]):
            yield from attributes.get("cn", [])[:1]


def _of_freeipa(connection, username):
    account, group = str(_option("accountattributename")), str(_option("groupattribute"))
    wanted = _rendered(str(_option("group_filter") or ""), escape_filter_chars(username))
    for dn, attributes in _entries(connection, _option("group_basedn"), wanted, [account, group]):
        members = [*attributes.get(account.lower(), ()), *attributes.get(group.lower(), ())]
        if any(_first(member) == username for member in members):
            yield _first(dn)


def _of_openldap(connection, username):
    account, group = str(_option("accountattributename")), str(_option("groupattribute"))
    base = f"ou={_option('groupou')},{_option('basedn')}" if _option("groupou") else _option("basedn")
    wanted = f"(&({account}={escape_filter_chars(username)})(objectClass={_option('groupclass')}))"
    for dn, attributes in _entries(connection, base, wanted, [account, "cn", group]):
        if username in attributes.get(account.lower(), ()):
            yield from attributes.get("cn", [])[:1]
        if _first(dn) == username:
            # Not a group, but the user: what it is in stands with it.
            yield from map(_first, attributes.get(group.lower(), ()))


def _first(dn):
    """The value that a name begins with: `ann` of `uid=ann,ou=people`; a text that is no such name is itself."""
    try:
        return parse_dn(dn)[0][1]
    except (LDAPException, IndexError):
        return dn


def _text(value):
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def _rendered(template, username):
    """A template of the configuration, with the name in it: as Jinja writes it, and nothing else of Jinja."""
    parts = template.split("{{")
    told = [parts[0]]
    for part in parts[1:]:
        name, end, rest = part.partition("}}")
        if not end or name.strip() != "username":
            raise ValueError(f"in {template!r} only {{{{ username }}}} stands for something")
        told += [username, rest]
    return "".join(told)
