"""`salt-cp`: its flags. What they ask for is done by `cli.transfer`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from trisalt.cli.options import (
    Parser,
    add_auth_options,
    add_log_options,
    add_output_options,
    add_target_options,
)

EXAMPLES = (
    ("salt-cp '*' motd /etc/motd", "One small text file, for everybody."),
    ("salt-cp -L web1,web2 a.conf b.conf /etc/app/", "Several, into a directory that is there."),
    ("salt-cp -C 'db*' backup.tar.gz /srv/in/", "A file of any size, with its mode; missing directories are made."),
    ("salt-cp -C -G 'os:Debian' site/ /srv/www", "A directory: it becomes /srv/www/site."),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    parser = _parser()
    options, words = parser.parse(argv)
    if len(words) < 3:
        parser.error("Insufficient arguments")
    # Not before the flags are read: --version, --help and a wrong flag are answered without sockets and configuration.
    from trisalt.cli.transfer import run

    return run(options, words)


def _parser() -> Parser:
    parser = Parser("salt-cp", "%prog [options] '<target>' SOURCE... DEST", examples=EXAMPLES)
    add = parser.add
    add("-t", "--timeout", type=int, metavar="SECONDS", help="Seconds before the minions are asked whether they run.")
    add("--hard-crash", action="store_true", help="Let exceptions through as they are.")
    parser.group("File Options")
    add("-C", "--chunked", action="store_true", help="In pieces: files of any size and kind, and whole directories.")
    add("-n", "--no-compression", action="store_true", help="Do not compress the pieces.")
    add_target_options(parser, kinds="ELGPIJSRN")
    add("-H", "--hosts", action="unserved", help="There is no roster here.")
    add_auth_options(parser)
    add_output_options(parser)
    add_log_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
