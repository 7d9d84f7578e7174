"""All components on one page, with odd data: for eyes (`python -m tests.browser.gallery`), and for the tests beside it.

The page comes with the console's own policy, so what would break there breaks here.
"""

import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trisalt

HERE = Path(__file__).parent
STATIC = Path(trisalt.__file__).parent / "web/console/static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)


class Handler(http.server.SimpleHTTPRequestHandler):
    extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map | {".js": "text/javascript"}

    def translate_path(self, path: str) -> str:
        path = path.partition("?")[0]
        below = path.removeprefix("/static/")
        root, name = (HERE, path.lstrip("/") or "gallery.html") if below == path else (STATIC, below)
        wanted = (root / name).resolve()
        return str(wanted if wanted.is_relative_to(root) else root / "nothing")

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@contextmanager
def serving(port: int = 0) -> Iterator[str]:
    """The gallery's address, for as long as it is served."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), functools.partial(Handler)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()


if __name__ == "__main__":
    with serving(8099) as address:
        print(address, flush=True)
        threading.Event().wait()
