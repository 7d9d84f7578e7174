"""
The accounts of this host, by PAM.

An account that is locked or expired is refused, and so is one that must change its password first, and an empty
password. Where the password is right and the account is not, the log of the master says what PAM says of it. The
service whose rules are asked is the option ``auth.pam.service``, ``login`` by default; they know from which address
somebody comes (``PAM_RHOST``), as ``pam_access`` and ``pam_faillock`` want it. A master that is not root verifies the
passwords of others only where it may read ``/etc/shadow``: on Debian as a member of the group ``shadow``.

.. code-block:: yaml

    external_auth:
      pam:
        ann:
          - test.*
        ops%:
          - 'web*':
            - state.apply
"""

import ctypes
import grp
import ipaddress
import logging
import os
import pwd

log = logging.getLogger(__name__)

__virtualname__ = "pam"

PAM_SUCCESS = 0
PAM_BUF_ERR = 5
PAM_PROMPT_ECHO_OFF, PAM_PROMPT_ECHO_ON, PAM_ERROR_MSG, PAM_TEXT_INFO = 1, 2, 3, 4
PAM_RHOST, PAM_FAIL_DELAY = 4, 10
PAM_DISALLOW_NULL_AUTHTOK = 1


class _Message(ctypes.Structure):
    _fields_ = [("style", ctypes.c_int), ("text", ctypes.c_char_p)]


class _Response(ctypes.Structure):
    # Given away: PAM frees the text, so that it is none of Python's.
    _fields_ = [("text", ctypes.c_void_p), ("retcode", ctypes.c_int)]


_Converse = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_int,
    ctypes.POINTER(ctypes.POINTER(_Message)),
    ctypes.POINTER(ctypes.POINTER(_Response)),
    ctypes.c_void_p,
)
_Delay = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p)


class _Conversation(ctypes.Structure):
    _fields_ = [("converse", _Converse), ("data", ctypes.c_void_p)]


def __virtual__():
    try:
        ctypes.CDLL("libpam.so.0")
    except OSError:
        return False, "PAM's library, libpam.so.0, is not on this host"
    return __virtualname__


def auth(username, password, **kwargs):
    """
    Whether the password is the account's, and the account may be used
    """
    remote = _remote(str(kwargs.get("__pub_peer") or ""))
    if not username or not password or "\0" in username or "\0" in password:
        return False
    verified = _ask_pam(__opts__.get("auth.pam.service") or "login", username, password, remote)
    if not verified and os.geteuid() != 0 and not os.access("/etc/shadow", os.R_OK):
        log.warning(
            "This master is not root and may not read /etc/shadow: PAM can verify its own account only. "
            "On Debian the cure is to make its account a member of the group shadow"
        )
    return verified


def groups(username):
    """
    The groups of the account, its own first
    """
    try:
        account = pwd.getpwnam(username)
    except KeyError:
        return []
    found = []
    for gid in os.getgrouplist(username, account.pw_gid):
        try:
            found.append(grp.getgrgid(gid).gr_name)
        except KeyError:
            continue
    return found


def _remote(peer):
    """The address of who asks, as rules have it; None for an account of this host, and for whoever is no address."""
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)


def _ask_pam(service, username, password, remote):
    libpam, libc = ctypes.CDLL("libpam.so.0"), ctypes.CDLL(None)
    libc.calloc.restype = libc.strdup.restype = ctypes.c_void_p
    libc.calloc.argtypes = [ctypes.c_size_t, ctypes.c_size_t]
    libc.strdup.argtypes = [ctypes.c_char_p]
    libpam.pam_start.argtypes = [
        ctypes.c_char_p,
        ctypes.c_char_p,
        ctypes.POINTER(_Conversation),
        ctypes.POINTER(ctypes.c_void_p),
    ]
    libpam.pam_set_item.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p]
    libpam.pam_strerror.restype = ctypes.c_char_p
    libpam.pam_strerror.argtypes = [ctypes.c_void_p, ctypes.c_int]
    for step in (libpam.pam_authenticate, libpam.pam_acct_mgmt, libpam.pam_end):
        step.argtypes = [ctypes.c_void_p, ctypes.c_int]

    told = []

    @_Converse
    def converse(count, messages, responses, _data):
        given = libc.calloc(count, ctypes.sizeof(_Response))
        if not given:
            return PAM_BUF_ERR
        answers = ctypes.cast(given, ctypes.POINTER(_Response))
        for number in range(count):
            message = messages[number].contents
            if message.style in (PAM_ERROR_MSG, PAM_TEXT_INFO) and message.text:
                told.append(message.text.decode(errors="replace").strip())
            said = {PAM_PROMPT_ECHO_OFF: password, PAM_PROMPT_ECHO_ON: username}.get(message.style)
            if said is not None:
                answers[number].text = libc.strdup(said.encode())
        responses[0] = answers
        return PAM_SUCCESS

    @_Delay
    def at_once(_status, _microseconds, _data):
        """Whoever asked is made to wait by the daemon, where that holds up nobody."""

    handle = ctypes.c_void_p()
    conversation = _Conversation(converse, None)
    status = libpam.pam_start(service.encode(), username.encode(), ctypes.byref(conversation), ctypes.byref(handle))
    if status != PAM_SUCCESS:
        log.error("PAM has not started for the service %s: its error is %s", service, status)
        return False
    libpam.pam_set_item(handle, PAM_FAIL_DELAY, ctypes.cast(at_once, ctypes.c_void_p))
    if remote is not None:
        libpam.pam_set_item(handle, PAM_RHOST, remote.encode())
    status = libpam.pam_authenticate(handle, PAM_DISALLOW_NULL_AUTHTOK)
    if status == PAM_SUCCESS:
        status = libpam.pam_acct_mgmt(handle, PAM_DISALLOW_NULL_AUTHTOK)
        if status != PAM_SUCCESS:
            # Whoever knows the password is told no more than others are: the operator is.
            told.append(libpam.pam_strerror(handle, status).decode(errors="replace"))
            log.warning("PAM refuses the account %s, whose password was right: %s", username, "; ".join(told))
    libpam.pam_end(handle, status)
    return status == PAM_SUCCESS
