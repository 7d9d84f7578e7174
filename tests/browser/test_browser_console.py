"""The console as people use it: signing in, the walkthrough, a live job, what is lost and comes back, keys alone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.support.browser import FLEET, PASSWORD

pytestmark = [pytest.mark.whole, pytest.mark.timeout(180)]


# -- signing in --------------------------------------------------------------------------------------------------------


def test_a_wrong_password_is_said_in_one_line_and_a_right_one_leads_to_where_one_was(console):
    page = console.page
    console.go("/app/events?tag=salt/auth")
    page.get_by_label("User name").fill("ann")
    page.get_by_label("Password", exact=True).fill("wrong")
    page.get_by_label("Method").select_option("file")
    console.axe()
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("User name or password is wrong")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Events")
    assert page.url.endswith("/app/events?tag=salt/auth")
    expect(page.get_by_label("Tag, with * and ?")).to_have_value("salt/auth")


def test_signing_out_is_signing_out_in_every_tab(console):
    console.sign_in("/app/events")
    other = console.context.new_page()
    other.goto(f"{console.house.url}/app/console")
    expect(other.get_by_role("heading", name="Command")).to_be_visible()
    console.page.get_by_role("button", name="ann").click()
    console.page.get_by_role("menuitem", name="Sign out").click()
    expect(console.page.get_by_label("User name")).to_be_visible()
    expect(other.get_by_label("User name")).to_be_visible()
    assert not [cookie for cookie in console.context.cookies() if cookie["name"] == "session_id"]


def test_who_may_come_with_a_code_or_by_a_provider_sees_how(console):
    page, sent = console.page, []

    def told(route):
        answer = route.fetch()
        body = answer.json() | {"totp": True, "oidc": {"name": "Example", "url": "/oidc/login"}}
        route.fulfill(response=answer, json=body)

    page.route("**/api/v1/session", told)
    page.on("request", lambda request: sent.append(request.post_data_json) if request.url.endswith("/login") else None)
    page.goto(f"{console.house.url}/app/jobs?state=failed&sso=refused")
    expect(page.get_by_role("alert")).to_contain_text("nothing is permitted to you here")
    button = page.get_by_role("link", name="Sign in with Example")
    expect(button).to_have_attribute("href", "/oidc/login?next=%2Fapp%2Fjobs%3Fstate%3Dfailed")
    page.wait_for_url("**/app/jobs?state=failed")
    page.get_by_label("User name").fill("ann")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Method").select_option("file")
    console.axe()
    page.get_by_label("Code, if you have set one up").fill("123456")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Jobs")
    assert [body["code"] for body in sent] == ["123456"]


# -- the walkthrough ---------------------------------------------------------------------------------------------------


def test_the_walkthrough_command_then_monitor_job_event_minion_and_grain(console):
    house, page = console.house, console.page
    if house.pam:
        console.sign_in("/app/console", user=house.pam[0], password=house.pam[1], eauth="pam")
    else:
        console.sign_in("/app/console")
    command = page.get_by_role("form", name="Command")
    command.get_by_label("Target", exact=True).fill("web*")
    expect(command.locator("#command-preview")).to_contain_text("1 minion")
    command.get_by_label("Function", exact=True).fill("test.ping")
    expect(command.get_by_label("The command as one line")).to_have_value("salt --async 'web*' test.ping")
    command.get_by_role("button", name="Execute").click()
    monitor = page.get_by_role("region", name="Monitor")
    row = monitor.locator(".job-row", has_text="test.ping").first
    expect(row.locator(".group-value")).to_have_text("True")
    expect(row.locator(".group-ids")).to_contain_text("web1")
    row.get_by_role("button", name="Event").click()
    expect(row.locator(".event-row", has_text="/ret/web1")).to_be_visible()
    monitor.get_by_role("tab", name="Event").click()
    expect(monitor.locator("tr", has_text="/ret/web1").first).to_be_visible()
    monitor.get_by_role("tab", name="Minion").click()
    monitor.get_by_label("Find by id").fill("web")
    minion = monitor.locator(".job-row", has_text="web1")
    expect(minion).to_have_count(1)
    expect(minion.locator(".status").first).to_contain_text("up")
    minion.get_by_role("button", name="Grain").click()
    expect(minion.locator(".tree")).to_contain_text("osrelease")
    console.axe()
    monitor.get_by_role("tab", name="Command").click()
    expect(monitor.locator(".job-row")).to_contain_text("salt --async 'web*' test.ping")


# -- commands ----------------------------------------------------------------------------------------------------------


def test_the_form_the_line_and_the_address_say_the_same(console):
    page = console.page
    console.enter("/app/console")
    line = page.get_by_label("The command as one line")
    line.fill("salt -L web1,sim-001 -b 1 cmd.run 'ls -l' cwd=/tmp")
    expect(page.get_by_label("Target format")).to_have_value("list")
    expect(page.get_by_label("Target", exact=True)).to_have_value("web1,sim-001")
    expect(page.get_by_label("Batch")).to_have_value("1")
    expect(page.get_by_label(re.compile("^cmd"))).to_have_value("ls -l")
    expect(page.get_by_label("cwd")).to_have_value("/tmp")
    page.get_by_label("cwd").fill("/var")
    expect(line).to_have_value("salt -b 1 -L web1,sim-001 cmd.run 'ls -l' cwd=/var")
    page.wait_for_url(re.compile(r"arg=%27ls\+-l%27\+cwd%3D%2Fvar"))
    # Of very many parameters some are shown, and those that say something.
    expect(page.get_by_label("umask")).to_have_count(0)
    page.get_by_role("button", name=re.compile(r"^\d+ more$")).click()
    page.get_by_label("umask").fill("022")
    expect(line).to_have_value("salt -b 1 -L web1,sim-001 cmd.run 'ls -l' cwd=/var umask=022")
    page.wait_for_url("**umask**")
    page.reload()
    expect(line).to_have_value("salt -b 1 -L web1,sim-001 cmd.run 'ls -l' cwd=/var umask=022")
    expect(page.get_by_label("umask")).to_have_value("022")
    expect(page.get_by_label("redirect_stderr")).to_have_count(0)
    line.fill("salt 'web1")
    expect(page.locator("#command-line-note")).to_have_text("A quote has no end")


def test_arguments_are_read_as_a_command_line_reads_them(console):
    console.enter("/app/console?tgt=web1&fun=test.arg&arg=2+%2720261122124204617323%27+%27%5B1%2C+a%5D%27+x%3DTrue")
    console.page.get_by_role("button", name="Execute").click()
    whole = console.page.locator(".group-body .tree").first
    expect(whole).to_contain_text("20261122124204617323")
    job = console.page.url.partition("open=")[2][:20]
    said = console.page.evaluate("jid => fetch(`/api/v1/jobs/${jid}/returns`).then(answer => answer.json())", job)
    value = said["items"][0]["return"]
    assert value["args"] == [2, "20261122124204617323", [1, "a"]]
    assert value["kwargs"]["x"] is True


def test_a_dangerous_command_asks_and_is_not_run_when_one_says_no(console):
    page = console.page
    console.enter("/app/console?tgt=web1&fun=cmd.run&arg=true")
    page.get_by_role("button", name="Execute").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Really run cmd.run?")
    expect(dialog).to_contain_text("web1")
    console.axe()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert "open=" not in page.url


def test_what_minions_say_is_text_and_nothing_else(console):
    page = console.page
    evil = "<img src=x onerror=document.title='owned'><script>document.title='owned'</script>"
    console.enter("/app/console")
    page.get_by_label("Target", exact=True).fill("web1")
    page.get_by_label("Function", exact=True).fill("test.echo")
    page.get_by_label(re.compile("^text")).fill(evil)
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".group-text, .group-value").first).to_have_text(evil)
    assert page.locator("img").count() == 0
    page.goto(page.url.replace("/app/console", "/app/events"))
    console.live()
    console.house.lab.run("salt-call", "event.send", f"evil/{evil}", f"data={{'x': \"{evil}\"}}", minion="web1")
    expect(page.locator(".event-tag", has_text="evil/").first).to_contain_text("<img src=x")
    assert "owned" not in page.title()


# -- live --------------------------------------------------------------------------------------------------------------


def test_a_job_of_two_hundred_minions_is_watched_as_it_returns(console):
    page = console.page
    console.enter("/app/console?tgt=sim-*&fun=state.apply&arg=nginx")
    expect(page.locator("#command-preview")).to_contain_text("200 minions")
    page.get_by_role("button", name="Execute").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Run on 200 minions?")
    expect(dialog).to_contain_text("sim-200")
    dialog.get_by_role("button", name="Execute").click()
    row = page.locator(".job-row", has_text="state.apply").first
    bar = row.get_by_role("progressbar").first
    expect(bar).to_have_attribute("aria-valuenow", "200")
    row.get_by_role("link", name="state.apply").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("state.apply")
    groups = page.locator(".group")
    expect(groups.first).to_have_attribute("data-state", "failed")
    expect(groups.nth(2)).to_be_visible()
    assert groups.count() <= 5, "equal results are one"
    page.get_by_role("tab", name="States").click()
    expect(page.locator(".matrix tbody tr:not(.gap)").first).to_be_visible()
    assert page.locator(".matrix tbody tr").count() < 80, "only what is in sight is drawn"
    page.locator(".matrix-cell.is-failed").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("control process exited with error code")
    page.keyboard.press("Escape")
    console.axe()
    page.reload()
    expect(page.get_by_role("tab", name="States")).to_have_attribute("aria-selected", "true")
    with page.expect_download() as given:
        page.get_by_role("button", name="Download").click()
        page.get_by_role("menuitem", name="CSV").click()
    page.get_by_role("tab", name="Event").click()
    expect(page.locator(".event-row").first).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is cut at the side"
    lines = given.value.path().read_text().splitlines()
    assert lines[0] == "minion,function,id,name,result,comment,seconds"
    assert len(lines) == 1 + 200 * 6


def test_two_tabs_share_one_stream_and_both_are_live(console):
    console.enter("/app/events")
    other = console.context.new_page()
    other.goto(f"{console.house.url}/app/events")
    expect(other.locator(".live")).to_have_attribute("data-live", "connected")
    console.house.lab.run("salt-call", "event.send", "two/tabs", minion="web1")
    for page in (console.page, other):
        expect(page.locator(".event-tag", has_text="two/tabs").first).to_be_visible()
    # The stream, and this question; what else a page asks for is answered in a moment.
    requests = (
        "fetch('/stats').then(answer => answer.json()).then(one => one['CherryPy Applications']['Current Requests'])"
    )
    console.page.wait_for_function(f"async () => (await {requests}) === 2", polling=500)


def test_events_from_before_are_fetched_as_far_as_one_wants(console):
    page = console.page
    console.enter("/app/console")
    console.house.lab.run("salt-call", "event.send", "once/upon", minion="web1")
    console.drown()
    console.go("/app/events")
    expect(page.locator("tbody tr:not(.gap)").first).to_be_visible()
    told = page.get_by_role("status").filter(has_text="newest first")
    # The end of what is there brings what was before it.
    scroll = "() => { const box = document.querySelector('.events .table-box'); box.scrollTop = box.scrollHeight; }"
    began = int(re.sub(r"\D", "", told.inner_text()))
    page.evaluate(scroll)
    expect(told).not_to_have_text(re.compile(f"{began:,}"))
    assert page.locator("tbody tr").count() < 80, "only what is in sight is drawn"
    # What is looked for is found, however much has happened since.
    console.go("/app/events?tag=once/*")
    expect(page.locator(".event-tag")).to_have_text(["once/upon"])
    expect(told).to_have_text("The last 1 event like that, newest first")
    console.go("/app/events?find=ONCE/upon&minion=web1")
    expect(page.locator(".event-tag")).to_have_text([re.compile("/ret/web1"), "once/upon"])


def test_events_go_on_where_they_were_after_the_api_was_away(console):
    house, page = console.house, console.page
    console.expected.append(re.compile(r"net::ERR_|Failed to fetch"))
    console.enter("/app/events")
    house.lab.run("salt-call", "event.send", "before/it", minion="web1")
    expect(page.locator(".event-tag", has_text="before/it").first).to_be_visible()
    house.api.stop()
    expect(page.locator(".live")).to_have_attribute("data-live", "reconnecting")
    house.lab.run("salt-call", "event.send", "while/away", minion="web1")
    house.start_api()
    console.live()
    expect(page.locator(".event-tag", has_text="while/away").first).to_be_visible()
    expect(page.get_by_role("button", name="ann")).to_be_visible()


def test_events_go_on_after_the_master_was_restarted(console):
    house, page = console.house, console.page
    console.expected.append(re.compile(r"503 \(|net::ERR_"))
    # The fleet comes back meanwhile: its events are more than the page has rows for.
    console.enter("/app/events?tag=master/*")
    house.lab.restart("master")
    house.lab.wait_up("web1")
    done = house.lab.run("salt-call", "event.send", "master/back", minion="web1")
    assert done.returncode == 0, done.stderr
    expect(page.locator(".event-tag", has_text="master/back").first).to_be_visible()
    # Nor is the fleet away for who comes next: it signs in when it hears of a job.
    house.lab.wait_up(*FLEET)


def test_what_was_run_is_in_the_history_of_its_user_wherever_they_sign_in(open_console):
    first = open_console()
    first.enter("/app/console?tgt=web1&fun=test.echo&arg=remembered")
    # What one prefers is sent when changing rests.
    with first.page.expect_response(
        lambda answer: "remembered" in (answer.request.post_data or "") and answer.request.method == "PUT"
    ):
        first.page.get_by_role("button", name="Execute").click()
    expect(first.page.locator(".group-value").first).to_have_text("remembered")
    second = open_console()
    second.enter("/app/console")
    second.page.get_by_role("button", name="History").click()
    second.page.get_by_role("menuitem", name="salt --async web1 test.echo remembered").click()
    expect(second.page.get_by_label("Function", exact=True)).to_have_value("test.echo")
    second.page.get_by_role("button", name="Templates").click()
    second.page.get_by_role("menuitem", name="Apply the states, test only").click()
    expect(second.page.get_by_label("The command as one line")).to_have_value(
        "salt --async 'web*' state.apply test=true"
    )


def test_a_session_that_ends_is_said_two_minutes_before_and_one_can_go_on(console):
    page = console.page
    page.clock.install()
    console.enter("/app/events?tag=salt/*")
    left = page.evaluate(
        "fetch('/api/v1/session').then(answer => answer.json()).then(one => one.expire * 1000 - Date.now())"
    )
    page.clock.fast_forward(int(left) - 90_000)
    page.get_by_role("button", name="Sign in again").click()
    dialog = page.get_by_role("dialog", name="Sign in again")
    dialog.get_by_label("Password", exact=True).fill(PASSWORD)
    console.axe()
    dialog.get_by_role("button", name="Sign in").click()
    expect(dialog).to_have_count(0)
    assert page.url.endswith("/app/events?tag=salt/*")


# -- for everybody -----------------------------------------------------------------------------------------------------


def test_whoever_may_little_is_told_why_and_offered_no_more(console):
    page = console.page
    console.enter("/app/console?tgt=sim-001&fun=cmd.run&arg=id", user="bob")
    button = page.get_by_role("button", name="Execute")
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(page.locator("#command-why")).to_contain_text("Not allowed")
    expect(page.get_by_role("navigation", name="Main").get_by_role("link", name="Keys")).to_have_count(0)
    page.get_by_label("The command as one line").fill("salt sim-001 test.ping")
    expect(button).not_to_have_attribute("aria-disabled", "true")
    button.click()
    expect(page.locator(".job-row", has_text="test.ping").locator(".group-value")).to_have_text("True")


def test_everything_is_reached_by_keys_alone(console):
    page = console.page
    console.go("/app/console")
    expect(page.get_by_label("User name")).to_be_focused()
    page.keyboard.type("ann")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.get_by_label("Method").select_option("file")
    page.keyboard.press("Enter")
    console.live()
    expect(page.get_by_label("Target", exact=True)).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "command-target":
            break
    expect(page.get_by_label("Target", exact=True)).to_be_focused()
    page.keyboard.type("web1")
    page.keyboard.press("Tab")
    while page.evaluate("document.activeElement.id") != "command-function":
        page.keyboard.press("Tab")
    page.keyboard.type("test.pin")
    expect(page.get_by_role("option", name="test.ping")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Function", exact=True)).to_have_value("test.ping")
    expect(page.locator("#command-preview")).to_contain_text("1 minion")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".group-value").first).to_have_text("True")
    page.locator("#main").focus()
    page.keyboard.press("g")
    page.keyboard.press("e")
    expect(page.get_by_role("heading", level=1)).to_have_text("Events")
    page.keyboard.press("p")
    expect(page.get_by_role("button", name="Go on")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    page.keyboard.type("web1")
    expect(page.get_by_role("option", name="web1").first).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.get_by_label("Text", exact=True)).to_be_focused()


@pytest.mark.parametrize(("scheme", "narrow"), [("light", (320, 640)), ("dark", (390, 844))])
def test_nothing_is_wrong_for_those_who_see_and_move_otherwise(open_console, scheme, narrow):
    console = open_console(color_scheme=scheme)
    page = console.page
    console.enter("/app/console?tgt=web*&fun=state.apply")
    expect(page.locator("#command-preview")).to_contain_text("1 minion")
    for path in ("", "/app/events"):
        if path:
            console.go(path)
            console.live()
        for width, height in ((1400, 900), narrow):
            page.set_viewport_size({"width": width, "height": height})
            console.axe()
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is cut at the side"


def test_the_console_speaks_korean(open_console):
    console = open_console(locale="ko-KR")
    console.go("/app/console")
    expect(console.page.get_by_label("사용자 이름")).to_be_visible()
    assert console.page.locator("html").get_attribute("lang") == "ko"


def test_without_scripts_one_signs_in_and_reads(open_console):
    console = open_console(java_script_enabled=False)
    page = console.page
    console.go("/app")
    page.get_by_label("User name").fill("ann")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Method").select_option("file")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("cell", name="sim-001")).to_be_visible()
    page.get_by_role("link", name="Jobs").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Jobs")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("User name")).to_be_visible()
