"""The console's screens of the fleet: minions, keys, compliance, permissions, and what no data may do to a page."""

from __future__ import annotations

import re

import attrs
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.gallery import serving
from tests.support.browser import AXE
from trisalt.wire.keys import PrivateKey

pytestmark = [pytest.mark.whole, pytest.mark.timeout(180)]

EVIL = "<img src=x onerror=alert(1)>"
LINK = "javascript:alert(2)"
# One address for each kind of screen, and of the tabs those that draw with something of their own.
SCREENS = (
    *("overview", "minions?q=os:Debian", "jobs?state=done", "keys?state=accepted", "states", "minions/web1"),
    *("minions/web1?tab=grains", "admin?fun=test.ping", "admin/audit"),
)
# What axe looks at on each screen. How large a thing to press is takes it as long as all else; the gallery has them all.
RULES = {**AXE, "rules": {"target-size": {"enabled": False}}}
CONTRAST = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}


@pytest.fixture
def key(house):
    """Puts a new key into the master's keyring: `key(state, id)`; its fingerprint."""
    made = []

    def key(state, id):
        public = PrivateKey.generate(2048).public
        folder = house.lab.master_dir() / "pki" / state
        folder.mkdir(parents=True, exist_ok=True)
        (folder / id).write_text(public.pem)
        made.append(folder / id)
        return public.fingerprint()

    yield key
    for path in made:
        for state in ("minions", "minions_pre", "minions_rejected", "minions_denied"):
            if path.parent.name == "minions_denied" and state != "minions_denied":
                continue
            (path.parent.parent / state / path.name).unlink(missing_ok=True)


def command(console, **low):
    """Run a command as the user of the page."""
    answer = console.context.request.post(
        f"{console.house.url}/", data=[low], headers={"X-Requested-With": "trisalt", "Accept": "application/json"}
    )
    assert answer.ok, answer.text()
    return answer.json()["return"][0]


def fetched(console, path):
    """What the API tells the user of the page."""
    return console.context.request.get(
        f"{console.house.url}/api/v1/{path}", headers={"Accept": "application/json"}
    ).json()


def told_anew(console):
    """The grains of web1, after it has been told to send them."""
    command(console, client="local", tgt="web1", fun="saltutil.refresh_grains")
    return fetched(console, "minions/web1")["grains"]


def visit(console, path):
    """Go to another screen without loading the page anew."""
    address = f"/app/{path}"
    console.page.evaluate(
        "(to) => { history.pushState(null, '', to); dispatchEvent(new PopStateEvent('popstate')); }", address
    )
    expect(console.page.locator("main h1")).to_be_visible()
    expect(console.page.locator("main .bones")).to_have_count(0)


def examine(page, options):
    """Fail for whatever axe finds."""
    found = Axe().run(page, options=options)
    assert found.violations_count == 0, found.generate_report()


# -- minions -----------------------------------------------------------------------------------------------------------


def test_of_all_minions_only_rows_in_sight_are_drawn_and_keys_walk_them(console):
    console.sign_in("/app/minions")
    page = console.page
    table = page.get_by_role("table", name="Minions")
    expect(table).to_have_attribute("aria-rowcount", re.compile(r"^2\d\d$"))
    total = int(table.get_attribute("aria-rowcount")) - 1
    rows = table.locator("tbody tr[data-index]")
    assert rows.count() < 60
    expect(rows.first).to_have_attribute("aria-rowindex", "2")
    rows.first.focus()
    page.keyboard.press("End")
    last = table.locator(f'tbody tr[data-index="{total - 1}"]')
    expect(last).to_be_focused()
    expect(last).to_contain_text("web1")
    expect(page).to_have_url(re.compile(r"[?&]row=\d+"))
    assert rows.count() < 60
    # `x` selects, and with Shift all from there.
    page.keyboard.press("x")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Shift+X")
    expect(page.get_by_role("group", name="What to do with the selected minions")).to_contain_text("3 selected")
    page.keyboard.press("Escape")
    expect(page.get_by_text("3 selected")).to_have_count(0)
    # Where one was is in the address.
    page.reload()
    expect(last).to_be_visible()


def test_a_row_keeps_the_focus_when_what_it_holds_comes_later_or_it_leaves_the_sight(console):
    page = console.page
    held = []
    page.route("**/api/v1/minions?*cursor=*", lambda route: held.append(route))
    console.sign_in("/app/minions")
    table = page.get_by_role("table", name="Minions")
    rows = table.locator("tbody tr[data-index]")
    rows.first.focus()
    page.keyboard.press("End")
    last = table.locator(f'tbody tr[data-index="{int(table.get_attribute("aria-rowcount")) - 2}"]')
    expect(last).to_be_focused()
    expect(last).to_have_text("")
    for route in held:
        route.continue_()
    page.unroute("**/api/v1/minions?*cursor=*")
    expect(last).to_contain_text("web1")
    expect(last).to_be_focused()
    box = page.locator(".table-box")
    box.evaluate("(box) => { box.scrollTop = 0; }")
    expect(last).to_have_count(0)
    box.evaluate("(box) => { box.scrollTop = box.scrollHeight; }")
    expect(last).to_be_focused()


def test_a_query_stands_in_the_address_and_says_what_it_means_and_where_it_is_wrong(console):
    console.sign_in("/app/minions")
    page = console.page
    box = page.get_by_role("searchbox", name="Find minions")
    box.fill("os:Debian sim -down")
    expect(page).to_have_url(re.compile(r"[?&]q=os%3ADebian"))
    expect(page.get_by_text("no target says the same")).to_be_visible()
    expect(page.locator("tbody tr[data-index]").first).to_contain_text("Debian")
    box.fill("os:Debian sim")
    expect(page.get_by_text("G@os:Debian and *sim*")).to_be_visible()
    rocky = page.get_by_role("region", name="System").get_by_role("button", name="Rocky")
    rocky.click()
    expect(box).to_have_value("sim os:Rocky")
    expect(rocky).to_have_attribute("aria-pressed", "true")
    expect(page.locator("tbody tr[data-index]").first).to_contain_text("Rocky")
    page.get_by_role("link", name="Run a command on these").click()
    expect(page.get_by_label("Target", exact=True)).to_have_value("*sim* and G@os:Rocky")
    page.go_back()
    expect(box).to_have_value("sim os:Rocky")
    box.fill('sim "open')
    expect(page.get_by_text("This quote is not closed, at character 5")).to_be_visible()
    expect(box).to_have_attribute("aria-invalid", "true")


def test_what_is_selected_is_pinged_and_the_job_is_one_click_away(console):
    console.sign_in("/app/minions?q=web1")
    page = console.page
    page.get_by_role("checkbox", name="Select web1").check()
    page.get_by_role("group", name="What to do with the selected minions").get_by_role("button", name="Ping").click()
    page.get_by_role("link", name="Show the job").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("test.ping")
    expect(page.locator("main")).to_contain_text("web1")


# -- keys --------------------------------------------------------------------------------------------------------------


def test_a_key_is_let_in_when_its_fingerprint_has_been_compared(console, key):
    finger = key("minions_pre", "newcomer")
    console.sign_in("/app/keys")
    page = console.page
    expect(page.locator(".key-group", has_text="pending")).to_contain_text("1")
    row = page.locator("tbody tr", has_text="newcomer")
    expect(row).to_contain_text(finger[:23])
    row.get_by_role("button", name="Accept").click()
    dialog = page.get_by_role("dialog", name="Accept the key of newcomer")
    expect(dialog.get_by_role("img", name=f"Fingerprint {finger}")).to_be_visible()
    paste = dialog.get_by_label("Or paste the minion's fingerprint here")
    accept = dialog.get_by_role("button", name="Accept")
    paste.fill(finger[:-2] + ("00" if finger[-2:] != "00" else "11"))
    expect(dialog.get_by_text("It is another key")).to_be_visible()
    expect(accept).to_have_attribute("aria-disabled", "true")
    console.axe()
    paste.fill(f"local:\n    {finger.upper()}")
    expect(dialog.get_by_text("It is the same key.")).to_be_visible()
    accept.click()
    expect(page.get_by_text("1 key accepted")).to_be_visible()
    assert (console.house.lab.master_dir() / "pki/minions/newcomer").exists()
    expect(page.locator(".key-group", has_text="pending")).to_contain_text("0")


def test_many_keys_want_their_number_typed_and_go_by_name_and_not_by_pattern(console, key):
    for id in ("many-1", "many-[12]", "many-2"):
        key("minions_pre", id)
    console.sign_in("/app/keys?state=pending&q=many")
    page = console.page
    for id in ("many-1", "many-[12]"):
        page.get_by_role("checkbox", name=f"Select {id}", exact=True).check()
    page.get_by_role("group", name="What to do with the selected keys").get_by_role("button", name="Reject").click()
    dialog = page.get_by_role("dialog", name="Reject 2 keys?")
    reject = dialog.get_by_role("button", name="Reject 2 keys")
    expect(reject).to_have_attribute("aria-disabled", "true")
    dialog.get_by_label("To go on, type 2").fill("2")
    reject.click()
    expect(page.get_by_text("2 keys rejected")).to_be_visible()
    pki = console.house.lab.master_dir() / "pki"
    assert {path.name for path in (pki / "minions_rejected").iterdir()} == {"many-1", "many-[12]"}
    assert (pki / "minions_pre" / "many-2").exists()


def test_a_denied_key_is_explained_and_only_it_goes(console, key):
    theirs = key("minions_denied", "sim-001")
    console.sign_in("/app/keys?state=denied")
    page = console.page
    page.locator("tbody tr", has_text="sim-001").get_by_role("button", name="Why?").click()
    dialog = page.get_by_role("dialog", name="Why the key of sim-001 was denied")
    expect(dialog.get_by_role("img", name=f"Fingerprint {theirs}")).to_be_visible()
    expect(dialog.locator(".finger")).to_have_count(2)
    expect(dialog.locator(".other").first).to_be_visible()
    dialog.get_by_role("button", name="Delete the denied key").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete 1 key").click()
    expect(page.get_by_text("1 key deleted")).to_be_visible()
    pki = console.house.lab.master_dir() / "pki"
    assert (pki / "minions" / "sim-001").exists()
    assert not (pki / "minions_denied" / "sim-001").exists()


# -- who may do little -------------------------------------------------------------------------------------------------


def test_who_may_do_little_sees_what_is_theirs_and_why_the_rest_is_not(console):
    console.sign_in("/app/minions", user="bob")
    page = console.page
    expect(page.get_by_text("9 minions")).to_be_visible()
    expect(page.locator("tbody tr", has_text="web1")).to_have_count(0)
    expect(page.get_by_role("navigation", name="Navigation").get_by_role("link", name="Keys")).to_have_count(0)
    page.get_by_role("checkbox", name="Select sim-001").check()
    highstate = page.get_by_role("button", name="Highstate (Your rules do not allow state.highstate)", exact=True)
    expect(highstate).to_have_attribute("aria-disabled", "true")
    # It can be reached and pressed all the same, and says why.
    highstate.click(force=True)
    expect(page.get_by_role("status").get_by_text("Your rules do not allow state.highstate")).to_be_visible()
    for path, why in {
        "keys": "wheel.key.list_all",
        "minions/sim-001?tab=packages": "pkg.list_pkgs",
        "minions/sim-001?tab=pillar": "pillar.items",
        "admin/audit": "@audit",
        "admin/stats": "@stats",
        "admin/options": "wheel.config.values",
    }.items():
        visit(console, path)
        expect(page.locator("main")).to_contain_text(why)
    console.go("/app/admin?fun=state.highstate&tgt=sim-001")
    expect(page.get_by_role("status").get_by_text("Refused")).to_be_visible()
    page.get_by_label("Function").fill("test.ping")
    page.get_by_role("button", name="Ask the master").click()
    expect(page.get_by_role("status").get_by_text("Allowed")).to_be_visible()
    expect(page.get_by_role("status").locator("code", has_text="sim-00*")).to_be_visible()


# -- states ------------------------------------------------------------------------------------------------------------


def test_a_minion_is_looked_at_and_its_differences_are_shown_and_mended(console):
    (console.house.lab.master_dir() / "srv" / "top.sls").write_text("base:\n  web1:\n    - motd\n")
    (console.house.lab.root / "motd").unlink(missing_ok=True)
    console.sign_in("/app/states?q=web1")
    page = console.page
    page.get_by_role("checkbox", name="Select web1").check()
    page.get_by_role("button", name="Check 1").click()
    row = page.locator("tbody tr", has_text="web1")
    expect(row).to_contain_text("would change")
    row.get_by_role("link", name="web1").click()
    expect(page.locator("main li")).to_contain_text("file.managed")
    expect(page.locator("main")).to_contain_text("motd")
    page.get_by_role("button", name="Highstate").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("in state")
    assert (console.house.lab.root / "motd").read_text() == "welcome\n"
    console.go("/app/minions/web1?tab=highstate")
    expect(page.get_by_role("region", name="Otherwise than in the run before")).to_contain_text("changed")


# -- what is sent is text ----------------------------------------------------------------------------------------------


def test_whatever_minions_and_files_send_stays_text(console, key):
    key("minions_pre", EVIL)
    console.sign_in("/app/overview")
    web1 = {"client": "local", "tgt": "web1"}
    template = {"name": EVIL, "description": LINK, "categories": [EVIL], "client": "local_async"}
    template |= {"fun": "test.echo", "arg": [EVIL], "tgt": EVIL, "tgt_type": "glob"}
    page = console.page
    page.route("**/api/v1/templates", lambda route: route.fulfill(json={"items": [template]}))
    command(console, **web1, fun="grains.setvals", kwarg={"grains": {"env": EVIL, "odd": {EVIL: LINK}}})
    try:
        console.house.lab.wait(lambda: EVIL in told_anew(console).get("odd", {}), "the grains of web1")
        jid = command(console, **web1 | {"client": "local_async"}, fun="test.echo", arg=[EVIL])["jid"]
        command(console, **web1, fun="event.send", kwarg={"tag": f"my/{EVIL}", "data": {EVIL: LINK}})
        for path in (
            *("minions?q=web1", "minions/web1?tab=grains&find=img", f"jobs/{jid}", "jobs", "keys", "states/templates"),
            *("events", "overview"),
        ):
            visit(console, path)
            expect(page.locator("main")).to_contain_text(EVIL)
            assert page.locator("img").count() == 0, path
            assert page.locator('a[href^="javascript"]').count() == 0, path
        visit(console, "minions/web1?tab=grains&find=img")
        expect(page.locator("main mark").first).to_have_text("img")
        expect(page.locator("main")).to_contain_text(LINK)
    finally:
        for name in ("env", "odd"):
            command(console, **web1, fun="grains.delkey", arg=[name], kwarg={"force": True})


# -- for everybody -----------------------------------------------------------------------------------------------------


def test_every_screen_is_for_everybody_in_light_in_dark_and_on_320_pixels(open_console):
    console = open_console(color_scheme="light", reduced_motion="reduce")
    console.sign_in("/app/overview")
    page = console.page
    for path in SCREENS:
        visit(console, path)
        examine(page, RULES)
        page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        examine(page, CONTRAST)
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        page.set_viewport_size({"width": 320, "height": 640})
        wide = page.evaluate(
            "[document.documentElement, document.querySelector('main')].some((e) => e.scrollWidth > e.clientWidth + 1)"
        )
        assert not wide, path
        page.set_viewport_size({"width": 1400, "height": 900})


def test_every_component_is_for_everybody(open_console):
    console = open_console(color_scheme="light", reduced_motion="reduce")
    with serving() as address:
        console.house = attrs.evolve(console.house, url=address.rstrip("/"))
        console.go("/?theme=light")
        expect(console.page.get_by_role("heading", level=1)).to_contain_text("Gallery")
        examine(console.page, AXE)
        console.go("/?theme=dark&density=compact&open=confirm")
        expect(console.page.get_by_role("dialog")).to_be_visible()
        examine(console.page, CONTRAST)
