"""The console's page, its policy and its files, without a server."""

import gzip
import json
import re

import pytest

from trisalt.web.console.assets import read_assets, source_hash


async def test_every_address_below_the_console_is_its_page(client):
    for path in ("/app", "/app/", "/app/jobs/20261122124204617323", "/app/minions/web%2F1?tab=grains"):
        page = await client.get(path)
        assert page.status == 200, path
        assert page.headers["content-type"].startswith("text/html")
        assert b'<div id="app">' in page.body


async def test_the_policy_names_the_one_script_that_stands_in_the_page(client):
    page = await client.get("/app")
    policy = page.headers["content-security-policy"]
    (inside,) = re.findall(r'<script type="importmap">(.*?)</script>', page.body.decode())
    assert f"script-src 'self' '{source_hash(inside)}';" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert page.body.count(b"<script") == 2, "the import map, and the module that is loaded"


async def test_the_import_map_leads_to_files_that_are_kept_for_ever(client):
    page = await client.get("/app")
    (inside,) = re.findall(r'<script type="importmap">(.*?)</script>', page.body.decode())
    for plain, versioned in json.loads(inside)["imports"].items():
        assert versioned.startswith(f"{plain}?v=")
        file = await client.get(versioned)
        assert file.headers["content-type"].startswith("text/javascript")
        assert "immutable" in file.headers["cache-control"]
        assert (await client.get(plain)).headers["cache-control"] == "no-cache"


async def test_a_file_that_a_browser_has_is_not_sent_again(client):
    first = await client.get("/app/static/app.js")
    assert (await client.get("/app/static/app.js", if_none_match=first.headers["etag"])).status == 304
    packed = await client.get("/app/static/app.js", accept_encoding="gzip, br")
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == first.body


@pytest.mark.parametrize("name", ["../pages.py", "vendor/VENDOR.md", "nosuch.js", "/etc/hostname", "..%2Fpages.py"])
async def test_only_files_of_the_front_end_are_served(client, name):
    assert (await client.get(f"/app/static/{name}")).status == 404


async def test_the_page_comes_in_the_colours_that_were_chosen(client):
    page = await client.get("/app", cookie="trisalt_theme=dark; trisalt_density=compact; trisalt_language=ko")
    assert b'<html lang="ko" data-theme="dark" data-density="compact">' in page.body
    odd = await client.get("/app", cookie='trisalt_theme="><script>; trisalt_language=xx')
    assert b'<html lang="en" data-theme="system" data-density="comfortable">' in odd.body


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("path", "to"),
    [("/", "/app"), ("/jobs", "/app/jobs"), ("/minions/web1", "/app/minions/web1"), ("/keys/", "/app/keys")],
)
async def test_a_browser_that_comes_to_the_api_is_led_to_the_console(client, path, to):
    led = await client.get(path, accept=BROWSER)
    assert (led.status, led.headers["location"]) == (303, to)


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/json, text/html;q=0.1", ""])
async def test_whoever_asks_for_data_is_given_data(client, accept):
    assert (await client.get("/", accept=accept)).ret == "Welcome"


def test_the_address_of_a_file_changes_with_it(tmp_path):
    for name in ("a.js", "b.css"):
        (tmp_path / name).write_text("a {}")
    before = read_assets(tmp_path)
    (tmp_path / "b.css").write_text("b {}")
    after = read_assets(tmp_path)
    assert before.address("a.js") == after.address("a.js")
    assert before.address("b.css") != after.address("b.css")


async def test_the_worker_may_ask_for_events(client):
    policy = (await client.get("/app/static/lib/hub.js")).headers["content-security-policy"]
    assert policy == "default-src 'none'; script-src 'self'; connect-src 'self'; frame-ancestors 'none'"
