"""The console's forms and lists that grow while one looks: templates, runs of states, events, reactors."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import expect

from trisalt.web.console.assets import FOLDER, own_assets

pytestmark = [pytest.mark.whole, pytest.mark.timeout(180)]


# -- templates ---------------------------------------------------------------------------------------------------------


def test_a_template_with_parameters_is_a_form_that_fills_the_command(console):
    page = console.page
    console.enter("/app/states/templates")
    card = page.locator(".card", has_text="Say something")
    card.get_by_role("link", name="Fill in").click()
    form = page.get_by_role("dialog")
    form.get_by_role("button", name="Open in the console").click()
    expect(form.get_by_text("This has to be filled in.")).to_have_count(2)
    form.get_by_label("where").fill("web*")
    expect(form.get_by_role("status")).to_contain_text("1 minion")
    form.get_by_label("text").select_option("yes")
    form.get_by_label("times").fill("many")
    expect(form.get_by_text("This has to be a number.")).to_be_visible()
    form.get_by_label("times").fill("2")
    console.axe()
    form.get_by_role("button", name="Open in the console").click()
    line = page.get_by_role("textbox", name="The command as one line")
    # A word that is no text for who reads YAML is quoted.
    expect(line).to_have_value("""salt --async 'web*' test.echo '"yes"' times=2""")


def test_a_template_that_nobody_can_use_says_why_on_its_card(console):
    console.enter("/app/states/templates")
    card = console.page.locator(".card", has=console.page.get_by_role("heading", name="odd"))
    expect(card).to_contain_text("The parameter x is of no type that there is")
    expect(console.page.locator(".card", has_text="Say something")).to_be_visible()


# -- states ------------------------------------------------------------------------------------------------------------


def test_a_run_of_states_says_how_far_each_minion_is_whatever_else_has_happened_since(console):
    root = console.house.lab.root
    wait = f"cmd.run:\n    - name: while [ ! -e {root}/go ]; do sleep 0.1; done\n"
    sls = console.house.lab.master_dir() / "srv" / "slow.sls"
    sls.write_text(f"first:\n  test.nop\nsecond:\n  {wait}third:\n  test.nop\n")
    console.enter("/app/overview")
    low = {"client": "local_async", "tgt": "web1", "fun": "state.apply", "arg": ["slow"]}
    (told,) = console.send(low | {"kwarg": {"state_events": True}})
    console.drown()
    console.go(f"/app/jobs/{told['jid']}")
    line = console.page.locator(".progress-list li", has_text="web1")
    expect(line).to_contain_text("1 of 3")
    expect(line.get_by_role("progressbar")).to_have_attribute("aria-valuetext", "1 of 3 done")
    (root / "go").touch()
    expect(console.page.get_by_role("heading", level=1)).to_contain_text("done")
    expect(line).to_have_count(0)


def test_the_newest_runs_of_the_fleet_are_one_matrix(console):
    page = console.page
    console.enter("/app/overview")
    low = {"client": "local", "tgt": "sim-00*", "fun": "state.highstate", "kwarg": {"test": True}}
    (told,) = console.send(low)
    assert len(told) == 9
    console.go("/app/states?q=sim-00")
    expect(page.locator("tbody tr[data-index]")).to_have_count(9)
    page.get_by_role("button", name="Matrix").click()
    expect(page).to_have_url(re.compile(r"[?&]view=matrix"))
    expect(page.locator(".matrix tbody tr")).to_have_count(9)
    page.locator(".matrix-cell").first.click()
    expect(page.get_by_role("dialog")).to_contain_text(" · sim-00")
    page.keyboard.press("Escape")
    console.axe()


def test_the_reactors_are_shown_with_their_files_and_say_which_of_them_hear_a_tag(console):
    page = console.page
    console.enter("/app/states/reactors")
    row = page.locator("main li", has_text="site/*/start")
    row.get_by_text("greet.sls").click()
    expect(row).to_contain_text("local.test.ping")
    page.get_by_role("searchbox").fill("site/web1/start")
    expect(row).to_contain_text("hears it")
    page.get_by_role("searchbox").fill("salt/auth")
    expect(row).not_to_contain_text("hears it")


def test_an_event_is_tried_then_fired_from_the_console_and_its_reaction_listed(console):
    page = console.page
    console.enter("/app/states/reactors?tag=site/try/start")
    page.get_by_role("button", name="Try an event").click()
    dialog = page.get_by_role("dialog", name="Try an event")
    data = dialog.get_by_label("Data")
    data.fill("[1]")
    dialog.get_by_role("button", name="Try it").click()
    expect(dialog.get_by_role("status")).to_contain_text("JSON object")
    data.fill('{"id": "try"}')
    dialog.get_by_role("button", name="Try it").click()
    expect(dialog.get_by_role("status")).to_contain_text("salt web1 test.ping")
    console.axe()
    dialog.get_by_role("link", name="Fire it…").click()
    expect(page.get_by_label("Function", exact=True)).to_have_value("runner.event.send")
    # A form that learns of the function's arguments meanwhile moves the button away from under a click.
    expect(page.locator(".command-arg").first).to_be_visible()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".job-row", has_text="event.send").first).to_be_visible()
    page.goto(f"{console.house.url}/app/states/reactors")
    done = page.get_by_role("region", name="Latest reactions").locator("li", has_text="site/try/start")
    expect(done).to_contain_text("greet")
    console.axe()
    done.get_by_role("link", name="local.test.ping").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("test.ping")


def test_a_press_belongs_to_the_button_that_it_began_on_though_the_form_grows_under_it(console):
    page = console.page
    held, free = [], []

    def slowly(route):
        (held.append if not free else type(route).continue_)(route)

    page.route("**/api/v1/docs**", slowly)
    console.enter("/app/console")
    page.get_by_label("Function", exact=True).fill("runner.jobs.list_jobs")
    button = page.get_by_role("button", name="Execute")
    while not held:
        page.wait_for_timeout(20)
    # Waits until it stands still: the form has just lost what is about minions.
    button.hover(position={"x": 5, "y": 5})
    box = button.bounding_box()
    page.mouse.down()
    expect(button).to_be_focused()
    free.append(True)
    for route in held:
        route.continue_()
    # It has gone further than where the pointer is.
    page.wait_for_function(
        "([was, high]) => document.querySelector('.command button[type=submit]').getBoundingClientRect().y > was + high",
        arg=[box["y"], box["height"]],
    )
    page.mouse.up()
    rows = page.locator(".job-row", has_text="runner.jobs.list_jobs")
    expect(rows.first).to_be_visible()
    # Who takes the pointer away first has thought better of it.
    before = rows.count()
    button.hover(position={"x": 5, "y": 5})
    box = button.bounding_box()
    page.mouse.down()
    page.mouse.move(box["x"] + 5, box["y"] + 200)
    page.mouse.up()
    page.wait_for_timeout(300)
    assert rows.count() == before


def test_a_style_sheet_means_the_same_to_a_browser_without_its_spaces(console):
    console.enter("/app/console")
    read = "text => { const sheet = new CSSStyleSheet(); sheet.replaceSync(text); return [...sheet.cssRules].map(rule => rule.cssText.replaceAll(', ', ',')) }"
    sheets = {name: asset.body.decode() for name, asset in own_assets().files.items() if name.endswith(".css")}
    assert len(sheets) == 3
    for name, sent in sheets.items():
        written = (FOLDER / name).read_text()
        assert len(sent) < len(written)
        assert console.page.evaluate(read, sent) == console.page.evaluate(read, written)


# -- events ------------------------------------------------------------------------------------------------------------


def test_events_are_shown_no_faster_than_one_wants(console):
    page = console.page
    mine = f"slow/{time.time_ns()}"
    console.enter(f"/app/events?tag={mine}/*&speed=1")
    one = {"client": "local", "tgt": "web1", "fun": "event.send"}
    console.send(*[one | {"arg": [f"{mine}/{number}"]} for number in range(10)])
    expect(page.locator(".event-tag").first).to_be_visible()
    behind = page.get_by_role("button", name=re.compile("wait"))
    expect(behind).to_be_visible()
    assert page.locator(".event-tag").count() < 10
    behind.click()
    expect(page.locator(".event-tag")).to_have_count(10)


def test_the_events_of_a_minion_and_of_a_job_are_those_that_the_master_keeps(open_console):
    console = open_console()
    console.enter("/app/overview")
    mine = f"kept/{time.time_ns()}"
    low = {"client": "local_async", "tgt": "web1", "fun": "event.send", "arg": [mine]}
    (told,) = console.send(low)
    page = console.page
    # Whoever comes later has heard nothing of it.
    page.route("**/api/v1/events?last=*", lambda route: route.continue_(url=route.request.url.replace("1000", "1")))
    console.go("/app/minions/web1?tab=events")
    expect(page.locator(".event-tag", has_text=mine)).to_be_visible()
    console.go(f"/app/jobs/{told['jid']}?tab=event")
    expect(page.locator(".event-line", has_text=f"salt/job/{told['jid']}/ret/web1")).to_be_visible()


# -- the monitor -------------------------------------------------------------------------------------------------------


def test_the_rows_of_the_monitor_have_what_one_wants_of_them(console):
    page = console.page
    console.enter("/app/console")
    console.send({"client": "local", "tgt": "web1", "fun": "test.ping"})
    by = page.locator(".job-row .job-by").first
    expect(by).to_be_visible()

    def turn():
        page.get_by_role("button", name="Columns").click()
        page.get_by_role("menuitemcheckbox", name="User").click()

    with page.expect_response(lambda answer: answer.request.method == "PUT" and answer.url.endswith("/me/prefs")):
        turn()
    expect(by).to_be_hidden()
    page.reload()
    expect(page.locator(".job-row .job-whom").first).to_be_visible()
    expect(by).to_be_hidden()
    turn()
    expect(by).to_be_visible()
