"""`salt-key`: list, accept, reject, delete and print the minions' keys. Works with the master down. Thin.

The key files are the truth and are moved here; a master that runs is told afterwards, through its local door. What is
made with RSA (pairs, the master's signature) is `cli.keypair`'s.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence

from trisalt.cli.options import Parser, add_auth_options, add_log_options, add_output_options, truth
from trisalt.cli.show import Show, show_for, write_out
from trisalt.config.read import read_master
from trisalt.errors import Denied, RemoteProtocolError, TrisaltError
from trisalt.master.keyring import Keyring, State, request_rotation

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing costs a command as much as reading its configuration
    from typing import Any

FAILED, NOT_ALLOWED = 1, 77

# Seconds a master may take to hear what has changed. It finds out by itself too, later.
PATIENCE = 3.0

KEYSIZES = (2048, 32768)

# In this order stock's documents hold the states, and its lines the keys. Source: stock Salt 3008.3.
ORDER = {
    State.PENDING: "unaccepted",
    State.REJECTED: "rejected",
    State.ACCEPTED: "accepted",
    State.DENIED: "denied",
}

# What `--list` takes begins so.
LISTS = {
    "acc": State.ACCEPTED,
    "pre": State.PENDING,
    "un": State.PENDING,
    "rej": State.REJECTED,
    "den": State.DENIED,
}

# Options of one action each; `-L` when there is none.
ACTIONS = (
    "gen_keys",
    "gen_signature",
    "list",
    "list_all",
    "print",
    "print_all",
    "accept",
    "accept_all",
    "reject",
    "reject_all",
    "delete",
    "delete_all",
    "finger",
    "finger_all",
)

# The outputters that leave room for sentences on stdout; all others print a document, and nothing beside it.
PROSE = frozenset({None, "key", "nested", "highstate"})

EXAMPLES = (
    ("salt-key -L", "All keys, by their state."),
    ("salt-key -a 'web*'", "Accept the pending keys of these, after a question."),
    ("salt-key -y -d web1", "Delete a key, without one."),
    ("salt-key -F", "The fingerprints of all keys."),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    parser = _parser()
    options, words = parser.parse(argv)
    if words:
        parser.error(f"unexpected argument: {words[0]} (globs want quotes, several ids commas)")
    action = _action(parser, options)
    try:
        if action in ("gen_keys", "gen_signature"):
            # RSA costs more than all else this command does.
            from trisalt.cli import keypair

            return keypair.generate(options) if action == "gen_keys" else keypair.sign_master(options)
        return _Command(options).run(action)
    except KeyboardInterrupt:
        return _fail("\nExiting on CTRL-c")
    except Denied as exc:
        return _fail(str(exc), NOT_ALLOWED)
    except TrisaltError as exc:
        return _fail(f"ERROR: {exc}")
    except OSError as exc:
        text = f"{exc.filename}: {exc.strerror}" if exc.filename else str(exc)
        return _fail(f"ERROR: {text}", NOT_ALLOWED if isinstance(exc, PermissionError) else FAILED)


def _parser() -> Parser:
    parser = Parser(
        "salt-key",
        "%prog [options]",
        description="salt-key is used to manage Salt authentication keys",
        examples=EXAMPLES,
    )
    add = parser.add
    add("-u", "--user", help="Who is to own the files of --gen-keys.")
    add("--hard-crash", action="store_true", help="Accepted.")
    add("-q", "--quiet", action="store_true", help="Do not tell what is done to which key.")
    add("-y", "--yes", action="store_true", help="Answer yes to all questions.")
    add("--rotate-aes-key", type=truth, metavar="BOOL", help="A deleted or rejected key makes a new shared one.")
    add("--preserve-minions", type=truth, metavar="BOOL", help="Accepted; what is kept of a minion is the master's.")
    add("--ignore-missing", action="store_true", help="A glob without any key is no failure.")
    add_output_options(parser)
    parser.group("Actions")
    add("-l", "--list", metavar="STATE", help="List keys: acc, pre or un, rej, den, all.")
    add("-L", "--list-all", action="store_true", help="List all keys.")
    add("-a", "--accept", metavar="GLOB", help="Accept pending keys.")
    add("-A", "--accept-all", action="store_true", help="Accept all pending keys.")
    add("-r", "--reject", metavar="GLOB", help="Reject pending keys.")
    add("-R", "--reject-all", action="store_true", help="Reject all pending keys.")
    add("--include-all", action="store_true", help="--include-rejected or --include-accepted, as the action has it.")
    add("--include-accepted", action="store_true", help="Reject accepted keys too.")
    add("--include-rejected", action="store_true", help="Accept rejected keys too.")
    add("--include-denied", action="store_true", help="Accept or reject denied keys too.")
    add("-p", "--print", metavar="GLOB", help="Print public keys.")
    add("-P", "--print-all", action="store_true", help="Print all public keys.")
    add("-d", "--delete", metavar="GLOB", help="Delete keys, in whatever state.")
    add("-D", "--delete-all", action="store_true", help="Delete all keys.")
    add("-f", "--finger", metavar="GLOB", help="Print fingerprints.")
    add("-F", "--finger-all", action="store_true", help="Print all fingerprints.")
    parser.group("Key Generation Options")
    add("--gen-keys", metavar="NAME", help="Make a pair: NAME.pem and NAME.pub.")
    add("--gen-keys-dir", default=".", metavar="DIR", help="Where to write it; here by default.")
    add("--keysize", type=int, default=2048, metavar="BITS", help="Its size, 2048 by default.")
    add("--gen-signature", action="store_true", help="Sign the master's public key.")
    add("--priv", default="", metavar="PATH", help="The private key to sign with.")
    add("--pub", default="", metavar="PATH", help="The public key to be signed.")
    add("--signature-path", default="", metavar="DIR", help="Where to write the signature.")
    add("--auto-create", action="store_true", help="Make a signing pair if there is none.")
    add_auth_options(parser, short=False)
    add_log_options(parser, short=False, file_key="key_logfile")
    return parser


def _action(parser: Parser, options: Any) -> str:
    """The one action that is asked for; nothing that cannot be done comes past this."""
    if options.list is not None and not options.list.startswith((*LISTS, "all")):
        parser.error(f"'{options.list}' is not a valid argument to '--list'")
    if options.keysize < KEYSIZES[0]:
        parser.error(f"The minimum value for keysize is {KEYSIZES[0]}")
    if options.keysize > KEYSIZES[1]:
        parser.error(f"The maximum value for keysize is {KEYSIZES[1]}")
    asked = [name for name in ACTIONS if getattr(options, name) not in (None, False)]
    if len(asked) > 1:
        flags = " and ".join(f"--{name.replace('_', '-')}" for name in asked)
        parser.error(f"One action at a time: {flags}")
    return asked[0] if asked else "list_all"


class _Command:
    """One call of `salt-key` on the files of one master."""

    def __init__(self, options: Any) -> None:
        config = read_master(options.config_dir)
        self._options = options
        self._config = config
        remote = _remote(options, config)
        # The master tells of what it does itself.
        self._is_remote = remote is not None
        self._keyring: Any = remote or Keyring(
            config.pki_dir, hash_type=config.hash_type, permissive=bool(config.permissive_pki_access)
        )
        self._out = options.output or config.output or None
        self._show = show_for(options, config.opts)

    def run(self, action: str) -> int:
        """Do it; the exit status."""
        glob = "*" if action.endswith("_all") else getattr(self._options, action)
        match action.removesuffix("_all"):
            case "list":
                self._list("all" if action == "list_all" else glob)
                return 0
            case "print":
                found = self._keyring.match(glob, ORDER)
                data = {state.value: {id: self._keyring.read(id, state) for id in ids} for state, ids in found.items()}
                return self._print(data, action, glob)
            case "finger":
                found = self._keyring.match(glob, ORDER)
                data = {
                    state.value: {id: self._keyring.fingerprint(id, state) for id in ids}
                    for state, ids in found.items()
                }
                local = self._keyring.local_fingerprints(glob)
                return self._print({**data, **({"local": local} if local else {})}, action, glob)
            case verb:
                return self._change(verb, glob)

    # -- looking ---------------------------------------------------------------------------------------------

    def _list(self, word: str) -> None:
        states = list(ORDER) if word.startswith("all") else [LISTS[next(b for b in LISTS if word.startswith(b))]]
        self._show({state.value: self._keyring.list(state) for state in states}, "key")

    def _print(self, data: Mapping[str, Any], action: str, glob: str) -> int:
        self._show(data, "key")
        if data or action.endswith("_all") or self._options.ignore_missing:
            return 0
        return _fail(f"The key glob '{glob}' does not match any keys. Nothing was printed.")

    # -- changing --------------------------------------------------------------------------------------------

    def _change(self, verb: str, glob: str) -> int:
        states = self._states(verb)
        done = f"{verb.rstrip('e')}ed"
        found = self._keyring.match(glob, states)
        if not found:
            self._say(f"The key glob '{glob}' does not match any {_listed([ORDER[state] for state in states])} keys.")
            self._document({})
            return 0 if self._options.ignore_missing else _fail(f"Nothing was {done}.")
        self._announce(found, done)
        if not self._options.yes:
            agreed = self._ask(verb)
            if not agreed:
                self._document({})
                return 0 if agreed is not None else _fail(f"\nThere was no answer. Nothing was {done}.")
        changed, failures = self._move(verb, found, done)
        self._document({state.value: ids for state, ids in changed.items()})
        if changed and not self._is_remote:
            failures += self._tell_master(verb, [id for ids in changed.values() for id in ids])
        return FAILED if failures else 0

    def _states(self, verb: str) -> list[State]:
        """The states in which a key is looked for."""
        options = self._options
        if verb == "delete":
            return list(ORDER)
        states = {State.PENDING}
        if verb == "accept" and (options.include_rejected or options.include_all):
            states.add(State.REJECTED)
        if verb == "reject" and (options.include_accepted or options.include_all):
            states.add(State.ACCEPTED)
        if options.include_denied:
            states.add(State.DENIED)
        return [state for state in ORDER if state in states]

    def _announce(self, found: Mapping[State, list[str]], done: str) -> None:
        """Which keys it is about: always before a question, else where sentences have room."""
        data = {state.value: ids for state, ids in found.items()}
        header = f"The following keys are going to be {done}:\n"
        asks = not self._options.yes
        if self._out in PROSE and asks and self._show.to_file:
            # Who is asked has to see it, and the file is to have it.
            write_out(f"{header}{self._listing(data)}\n")
            self._show(data, "key")
        elif self._out in PROSE:
            if not (self._options.quiet and self._options.yes):
                write_out(header)
                self._show(data, "key")
        elif asks:
            sys.stderr.write(f"{header}{self._listing(data)}\n")

    def _listing(self, data: Mapping[str, Any]) -> str:
        return Show(self._config.opts, color=bool(self._options.color)).render(data, "key")

    def _ask(self, verb: str) -> bool | None:
        """Whether the operator agrees; None when nobody answers. Deleting wants a word, the others but an Enter."""
        question, default = ("Proceed? [N/y] ", "n") if verb == "delete" else ("Proceed? [n/Y] ", "y")
        if self._out in PROSE:
            write_out(question)
        else:
            sys.stderr.write(question)
            sys.stderr.flush()
        try:
            answer = sys.stdin.readline() if sys.stdin is not None else ""
        except (OSError, ValueError):  # closed, or no text
            answer = ""
        if not answer:
            return None
        return (answer.rstrip("\r\n") or default).lower().startswith("y")

    def _move(self, verb: str, found: Mapping[State, list[str]], done: str) -> tuple[dict[State, list[str]], int]:
        """Do it to the keys that were shown, and to no others; those it was done to, and how many it was not."""
        changed: dict[State, list[str]] = {}
        seen: dict[str, State] = {}
        failures = 0
        for state, ids in found.items():
            for id in ids:
                if verb != "delete" and id in seen:
                    sys.stderr.write(f"The {ORDER[seen[id]]} key of {id} was {done}; its {ORDER[state]} one stays.\n")
                    continue
                try:
                    moved = self._move_one(verb, id, state)
                except RemoteProtocolError:
                    failures += 1
                    sys.stderr.write(f"Unable to accept invalid key for {id}: it stays {ORDER[state]}.\n")
                    continue
                if not moved:
                    failures += verb != "delete"
                    sys.stderr.write(f"The {ORDER[state]} key of {id} is not there any longer.\n")
                    continue
                seen[id] = state
                changed.setdefault(state, []).append(id)
                if not self._options.quiet:
                    self._say(f"Key for minion {id} {done}.")
        return changed, failures

    def _move_one(self, verb: str, id: str, state: State) -> bool:
        match verb:
            case "accept":
                return self._keyring.accept_from(id, state)
            case "reject":
                return self._keyring.move(id, State.REJECTED, [state]) is not None
            case _:
                return bool(self._keyring.delete(id, [state]))

    def _tell_master(self, verb: str, ids: Iterable[str]) -> int:
        """Tell the master that runs; leave the drop file for one that does not. 1 if a rotation could not be asked."""
        # Who only looks at keys needs no socket.
        from trisalt.client.door import Door
        from trisalt.client.operations import key_changed
        from trisalt.config.paths import master_paths

        wanted = self._options.rotate_aes_key
        rotate = verb != "accept" and (self._config.rotate_aes_key if wanted is None else wanted)
        try:
            hint = os.environ.get("SUDO_USER", "") if os.geteuid() == 0 else ""
            door = Door(master_paths(self._config).local_door, user_hint=hint)
            act = {"accept": "accepted", "reject": "rejected"}.get(verb, verb)
            key_changed(door, act, sorted(set(ids)), rotate=rotate, timeout=PATIENCE)
        except TrisaltError:
            if not rotate:
                return 0
        else:
            return 0
        try:
            request_rotation(self._config.cachedir, self._config.id, user=self._config.user)
        except FileNotFoundError:
            pass  # no folder, no master that has ever run: nobody holds a shared key
        except (OSError, TrisaltError) as exc:
            sys.stderr.write(f"ERROR: The master was not asked for a new shared key: {exc}\n")
            return 1
        return 0

    # -- telling ---------------------------------------------------------------------------------------------

    def _say(self, sentence: str) -> None:
        """A sentence on stdout, or nothing where a document is to stand alone."""
        if self._out in PROSE:
            write_out(f"{sentence}\n")

    def _document(self, data: Mapping[str, Any]) -> None:
        """What was done, for outputters that print documents."""
        if self._out not in PROSE:
            self._show(data)


def _remote(options: Any, config: Any) -> Any:
    """The keys by way of the master, for whoever asks as somebody else than their account; None for the files."""
    has_token = os.geteuid() != 0 and os.path.exists(os.path.expanduser(config.token_file))
    if not (options.eauth or options.make_token or has_token):
        return None
    # Who moves files needs no socket.
    from trisalt.cli.remotekeys import RemoteKeys
    from trisalt.client.credentials import open_door
    from trisalt.config.paths import master_paths

    door = open_door(master_paths(config).local_door, options, config.opts)
    return None if door.credentials is None else RemoteKeys(door)


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _fail(text: str, status: int = FAILED) -> int:
    sys.stderr.write(f"{text}\n")
    return status
