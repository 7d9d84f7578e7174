"""The console where something takes a second person, a second factor, or somebody else's word."""

from __future__ import annotations

import re

import pyotp
import pytest
from playwright.sync_api import expect

from tests.support.browser import PASSWORD

pytestmark = [pytest.mark.whole, pytest.mark.timeout(180)]


def test_a_command_is_asked_for_and_runs_once_somebody_else_has_consented(open_console):
    eve, kim = open_console(), open_console()
    kim.enter("/app/approvals", user="kim")
    expect(kim.page.get_by_text("Nothing waits here")).to_be_visible()
    eve.enter("/app/console?tgt=web1&fun=test.echo&arg=hello", user="eve")
    places = eve.page.get_by_role("navigation", name="Main")
    expect(eve.page.locator("#command-why")).to_contain_text("Not allowed")
    expect(places.get_by_role("link", name="Approvals")).to_have_count(0)
    eve.page.get_by_role("button", name="Ask for approval").click()
    dialog = eve.page.get_by_role("dialog", name="Ask for approval")
    dialog.get_by_label("Why it is needed").fill("to hear it")
    dialog.get_by_role("button", name="Ask for approval").click()
    own = eve.page.locator(".list > li")
    expect(own).to_contain_text("salt web1 test.echo hello")
    expect(own.get_by_role("button")).to_have_text("Withdraw")
    expect(places.get_by_role("link", name="Approvals (1)")).to_have_attribute("aria-current", "page")

    # It comes by itself to who may consent.
    wish = kim.page.locator(".list > li", has_text="to hear it")
    kim.axe()
    wish.get_by_role("button", name="Approve").click()
    dialog = kim.page.get_by_role("dialog", name="Run this in the name of eve?")
    expect(dialog).to_contain_text("test.echo hello")
    dialog.get_by_label("Note").fill("for once")
    dialog.get_by_role("button", name="Approve").click()
    expect(kim.page.get_by_text("Nothing waits here")).to_be_visible()

    # And goes from who asked, also from the navigation.
    expect(eve.page.get_by_text("Nothing waits here")).to_be_visible()
    expect(places.get_by_role("link", name="Approvals")).to_have_count(0)
    eve.page.get_by_role("tab", name="All").click()
    expect(own).to_contain_text("approved: kim · for once")
    own.get_by_role("link", name="Job").click()
    expect(eve.page.get_by_role("heading", level=1)).to_contain_text(re.compile(r"test\.echo"))


def asked_for(console, why):
    """A wish of eve's, and its place in her list."""
    console.enter(f"/app/console?tgt=web1&fun=test.echo&arg={why}", user="eve")
    console.page.get_by_role("button", name="Ask for approval").click()
    dialog = console.page.get_by_role("dialog", name="Ask for approval")
    dialog.get_by_label("Why it is needed").fill(why)
    dialog.get_by_role("button", name="Ask for approval").click()
    own = console.page.locator(".list > li", has_text=why)
    expect(own).to_contain_text(f"salt web1 test.echo {why}")
    return own


def test_a_wish_is_refused_with_a_reason_or_withdrawn_and_runs_never(open_console):
    eve, kim = open_console(), open_console()
    kim.enter("/app/approvals", user="kim")
    own = asked_for(eve, "refused-one")
    kim.page.locator(".list > li", has_text="refused-one").get_by_role("button", name="Refuse").click()
    dialog = kim.page.get_by_role("dialog")
    dialog.get_by_label("Note").fill("not today")
    kim.axe()
    dialog.get_by_role("button", name="Refuse").click()
    expect(kim.page.get_by_text("Nothing waits here")).to_be_visible()
    expect(own).to_have_count(0)
    eve.page.get_by_role("tab", name="All").click()
    expect(own).to_contain_text("refused: kim · not today")
    expect(own.get_by_role("link", name="Job")).to_have_count(0)

    own = asked_for(eve, "withdrawn-one")
    expect(kim.page.locator(".list > li", has_text="withdrawn-one")).to_be_visible()
    own.get_by_role("button", name="Withdraw").click()
    eve.page.get_by_role("dialog").get_by_role("button", name="Withdraw").click()
    expect(kim.page.get_by_text("Nothing waits here")).to_be_visible()
    eve.page.get_by_role("tab", name="All").click()
    expect(own).to_contain_text("withdrawn")
    expect(own.get_by_role("button")).to_have_count(0)


def test_whom_the_proxy_names_is_signed_in_at_once_and_signs_out_all_the_same(open_console):
    console = open_console(extra_http_headers={"X-Forwarded-User": "pat"})
    console.go("/app/overview")
    console.live()
    page = console.page
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    page.get_by_role("button", name="pat").click()
    page.get_by_role("menuitem", name="Sign out").click()
    again = page.get_by_role("button", name="Sign in with SSO")
    expect(again).to_be_visible()
    console.axe()
    again.click()
    console.live()


def test_whom_the_proxy_names_and_nobody_knows_is_shown_the_form(open_console):
    console = open_console(extra_http_headers={"X-Forwarded-User": "nobody-here"})
    console.expected.append(re.compile(r"401 \("))
    console.go("/app/overview")
    expect(console.page.get_by_label("User name")).to_be_visible()


def test_a_second_factor_is_set_up_and_removed_by_its_owner(console):
    page = console.page
    console.expected.append(re.compile(r"40[03] \("))
    console.enter("/app/overview", user="kim")
    page.get_by_role("button", name="kim").click()
    page.get_by_role("menuitem", name="Second factor").click()
    dialog = page.get_by_role("dialog", name="Second factor")
    password, code = dialog.get_by_label("Password"), dialog.get_by_label("Code")
    expect(password).to_be_focused()
    password.fill("guessed")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).not_to_be_empty()
    password.fill(PASSWORD)
    dialog.get_by_role("button", name="Set up").click()
    expect(code).to_be_focused()
    secret = "".join(dialog.get_by_label("Secret").input_value().split())
    assert dialog.get_by_label("Address").input_value().startswith(f"otpauth://totp/trisalt:kim?secret={secret}")
    console.axe()
    code.fill("000000x")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("The code is wrong")
    code.fill(pyotp.TOTP(secret).now())
    page.keyboard.press("Enter")
    backup = dialog.locator(".finger > span")
    expect(backup).to_have_count(10)
    spare = backup.first.inner_text()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="kim").click()
    page.get_by_role("menuitem", name="Second factor").click()
    expect(dialog).to_contain_text("It is set up, with 10 backup codes left.")
    password.fill(PASSWORD)
    code.fill(spare)
    dialog.get_by_role("button", name="Remove").click()
    expect(dialog).to_contain_text("None is set up.")
