"""Files of the operator's: a folder, a single-page application, an icon."""

import pytest


@pytest.fixture
def folder(tmp_path):
    files = tmp_path / "static"
    files.mkdir()
    (files / "salt-motd.txt").write_text("hello")
    (tmp_path / "secret.txt").write_text("no")
    (files / "link.txt").symlink_to(tmp_path / "secret.txt")
    (tmp_path / "index.html").write_text("<p>a page")
    return tmp_path


@pytest.fixture
def client(open_client, folder):
    settings = {
        "static": str(folder / "static"),
        "app": str(folder / "index.html"),
        "app_path": "/gui",
        "favicon": str(folder / "secret.txt"),
    }
    return open_client(settings)


async def test_a_file_is_told_with_a_tag_and_not_again(client):
    answer = await client.get("/static/salt-motd.txt")
    assert (answer.status, answer.body) == (200, b"hello")
    assert answer.headers["x-content-type-options"] == "nosniff"
    again = await client.get("/static/salt-motd.txt", if_none_match=answer.headers["etag"])
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize(
    "path", ["no.txt", "../secret.txt", "..%2fsecret.txt", "%2e%2e/secret.txt", "/etc/passwd", "link.txt", ""]
)
async def test_what_is_not_in_the_folder_is_not_there(client, path):
    assert (await client.get(f"/static/{path}")).status == 404


@pytest.mark.parametrize("path", ["/gui", "/gui/", "/gui/keys/web1"])
async def test_the_application_is_at_its_path_and_below_without_a_login(client, path):
    answer = await client.get(path)
    assert (answer.status, answer.body) == (200, b"<p>a page")
    assert answer.headers["content-security-policy"] == "frame-ancestors 'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("method", "path", "accept", "page"),
    [
        ("GET", "/minions", "text/html,*/*;q=0.8", True),
        ("GET", "/", "text/html", True),
        ("GET", "/", "application/json", False),
        ("GET", "/", "*/*", False),
        ("POST", "/login", "text/html", False),
        ("GET", "/static/salt-motd.txt", "text/html", False),
    ],
)
async def test_who_asks_for_a_page_is_given_the_application_at_any_path(client, method, path, accept, page):
    answer = await client.call(method, path, accept=accept)
    assert (answer.body == b"<p>a page") is page


async def test_without_an_application_a_path_is_what_it_is(open_client):
    client = open_client()
    assert (await client.get("/", accept="application/json, text/html")).json["return"] == "Welcome"
    assert (await client.get("/static/x")).status == 404


async def test_the_icon_is_the_operators(client):
    assert (await client.get("/favicon.ico")).body == b"no"


async def test_a_page_that_is_gone_is_not_there(client, folder):
    (folder / "index.html").unlink()
    assert (await client.get("/gui")).status == 404


async def test_a_folder_that_is_not_there_stops_nobody(open_client, folder):
    client = open_client({"static": str(folder / "none")})
    assert (await client.get("/static/x")).status == 404
    assert (await client.get("/")).status == 200
