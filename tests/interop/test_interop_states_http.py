"""`http` beside stock's, its functions and its states, and `firewall.check`, against a web server of the test's own."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

import pytest

from tests.interop import beside
from tests.interop.beside import Call, agree, each, returns
from tests.interop.states import Row, ask, compare, each_phase, refused
from tests.support.lab import free_ports, open_lab

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

GRAINS = {"id": "m1", "kernel": "Linux", "os": "Debian", "os_family": "Debian"}
PAGES = {
    "/plain": (200, "text/plain; charset=utf-8", "plain ä text"),
    "/latin": (200, "text/plain; charset=iso-8859-1", "ä"),
    "/xml": (200, "text/xml", "<a><b>1</b><c x='2'>t</c></a>"),
    "/yaml": (200, "application/yaml", "a: 1\nb: [x]\n"),
    "/none": (204, "text/plain", ""),
    "/gone": (404, "text/plain", "no such page"),
}
TOLD = ("user-agent", "authorization", "content-type", "x-a", "y", "cookie")


class Pages(BaseHTTPRequestHandler):
    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        path = self.path.partition("?")[0]
        if path == "/moved":
            code, kind, text = 302, "text/plain", ""
        elif path == "/echo":
            sent = {name.lower(): value for name, value in self.headers.items() if name.lower() in TOLD}
            told = {"method": self.command, "path": self.path, "body": body, "headers": sent}
            code, kind, text = 200, "application/json", json.dumps(told, sort_keys=True)
        else:
            code, kind, text = PAGES[path]
        content = text.encode("latin-1" if "8859" in kind else "utf-8")
        self.send_response(code)
        if code == 302:
            self.send_header("Location", "/plain")
        self.send_header("Content-Type", kind)
        if code != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = answer

    def log_message(self, *args):
        pass


KINDS = "a kind of comparison that nobody knows is no success"
CALLS = [
    Call("http.query", "W/plain"),
    Call("http.query", "W/plain", text=True, status=True),
    Call("http.query", "W/latin", text=True, status=True),
    Call("http.query", "W/echo", decode=True),
    Call("http.query", "W/echo", decode=True, params={"a": "1 2", "b": ["x", "y"]}),
    Call("http.query", "W/echo?z=1", decode=True, params={"a": "ä"}),
    Call("http.query", "W/echo", method="POST", data="text", decode=True),
    Call("http.query", "W/echo", method="POST", data={"a": 1}, decode=True),
    Call("http.query", "W/echo", method="DELETE", decode=True, header_list=["X-A: b"], header_dict={"y": "z"}),
    Call("http.query", "W/echo", username="u", password="p", decode=True),
    Call("http.query", "W/echo", agent="me", decode=True),
    Call("http.query", "W/echo", method="PUT", decode=True, data_file="PLACE/body"),
    Call("http.query", "W/echo", method="PUT", decode=True, data_file="PLACE/body.j2", data_render=True,
         template_dict={"x": "1"}, only=lambda found: found["return"]["dict"]["body"].strip()),
    Call("http.query", "W/echo", method="PUT", decode=True, header_file="PLACE/headers"),
    Call("http.query", "W/xml", decode=True),
    Call("http.query", "W/xml", decode=True, decode_type="plain"),
    Call("http.query", "W/yaml", decode=True, text=True),
    Call("http.query", "W/plain", decode=True, decode_type="json"),
    Call("http.query", "W/plain", decode=True, decode_type="odd"),
    Call("http.query", "W/gone"),
    Call("http.query", "W/gone", status=True, text=True),
    Call("http.query", "W/gone", status=True, raise_error=False),
    Call("http.query", "W/moved", status=True),
    Call("http.query", "W/none", status=True, text=True),
    Call("http.query", "W/plain", test=True),
    Call("http.query", "W/plain", test=True, test_url="W/yaml", why="the page of the test is asked",
         ours=returns({"test": True, "body": "a: 1\nb: [x]\n"})),
    Call("http.query", "NOBODY/", status=True),
    Call("http.query", "NOBODY/"),
    Call("http.query", "nonsense"),
    Call("http.query", "W/plain", nosuch=1),
    Call("http.query", "W/plain", method="POST", data_file="PLACE/nosuch"),
    Call("http.wait_for_successful_query", "W/plain", wait_for=1),
    Call("http.wait_for_successful_query", "W/gone", wait_for=0.1, request_interval=0.05),
]  # fmt: skip
ONE = ["preview", "applied"]
PORTS = (
    {"port": "OPEN"}, {"port": "OPEN", "family": "ipv4", "timeout": 2, "proto": "TCP"}, {"port": "SHUT"}, {"port": 99999},
    {"port": "SHUT", "proto": "udp"}, {"port": "OPEN", "family": "ipv6"}, {"port": "OPEN", "timeout": "x"}, {"port": "odd"},
    {"port": 0}, {},
)  # fmt: skip
ROWS = [
    *(Row("firewall.check", "127.0.0.1", **port) for port in PORTS),
    Row("firewall.check", "", port="OPEN"),
    Row("http.query", "W/plain"),
    Row("http.query", "W/plain", status=200, phases=ONE),
    Row("http.query", "W/plain", status=[200, 201], status_type="list", phases=ONE),
    Row("http.query", "W/plain", status=[500, 201], status_type="list", phases=ONE),
    Row("http.query", "W/plain", status="2..", status_type="pcre", phases=ONE),
    Row("http.query", "W/plain", status="3..", status_type="pcre", phases=ONE),
    Row("http.query", "W/plain", match="text", phases=ONE),
    Row("http.query", "W/plain", match="nope", status=200, phases=ONE),
    Row("http.query", "W/plain", match="te.t", match_type="pcre", status=404, phases=ONE),
    Row("http.query", "W/plain", match="te.t", match_type="odd", why=KINDS,
        **dict.fromkeys(("preview", "applied", "again"), refused("match_type is one of string, pcre, not odd"))),
    Row("http.query", "W/plain", status=2, status_type="odd", why=KINDS,
        **dict.fromkeys(("preview", "applied", "again"), refused("status_type is one of string, pcre, list, not odd"))),
    Row("http.query", "W/plain", status="(", status_type="pcre", phases=["applied"], why="told in a sentence",
        applied=refused("This is no pattern: missing ), unterminated subpattern at position 0")),
    Row("http.query", "W/gone", status=404, phases=ONE),
    Row("http.query", "NOBODY/", status=0, phases=ONE),
    Row("http.query", "NOBODY/", match="x", phases=ONE),
    Row("http.query", "W/plain", match="a", test_url="W/plain", phases=ONE),
    Row("http.query", "W/echo", match="POST", method="POST", data="x", wait_for=1, phases=ONE),
    Row("http.query", "W/gone", status=200, wait_for=0.1, request_interval=0.05, phases=ONE),
    Row("http.wait_for_successful_query", "W/plain", wait_for=1, status=200, phases=["applied", "again"]),
    Row("http.wait_for_successful_query", "W/gone", wait_for=0.1, status=200, request_interval=0.05, phases=["applied"]),
]  # fmt: skip


@pytest.fixture(scope="module")
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def answers(server):
    answers = {}
    with open_lab() as lab:
        place = lab.root / "place"
        place.mkdir()
        for name, text in (("body", "from a file"), ("body.j2", "x is {{ x }}"), ("headers", "X-A: b\nY: z\n")):
            (place / name).write_text(text)
        places = {
            "W": server,
            "PLACE": str(place),
            "OPEN": urlsplit(server).port,
            "SHUT": free_ports(1)[0],
            "NOBODY": f"http://127.0.0.1:{free_ports(1)[0]}",
        }
        for kind in ("stock", "ours"):
            answers[kind] = ask(lab, kind, ROWS, grains=GRAINS, places=places)
            answers[f"{kind} calls"] = beside.ask(lab, kind, CALLS, grains=GRAINS, places=places)
    return answers


@each_phase(ROWS)
def test_ours_does_as_stock_does(answers, number, phase):
    compare(ROWS, answers, number, phase)


@each(CALLS)
def test_ours_answers_as_stock_does(answers, number):
    call = CALLS[number]
    stock, ours = (answers[f"{kind} calls"][number] for kind in ("stock", "ours"))
    if call.only is not None:
        stock, ours = call.only(stock), call.only(ours)
    agree(call, stock, ours)
