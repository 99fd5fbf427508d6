"""A server that asks for a key."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from browser.console import Chat, numbered_words
from browser.serving import Demo
from browser.watched import OpenPage, log_in


def test_a_page_without_a_key_asks_for_one_and_names_no_agent(keyed: Demo, open_page: OpenPage) -> None:
    watched = open_page(keyed)
    watched.expect_failures(401)
    expect(watched.page.get_by_label("API key")).to_be_focused()
    assert "guide" not in watched.page.content().lower()


def test_a_key_that_is_wrong_is_said_and_the_right_one_opens_the_console(keyed: Demo, open_page: OpenPage) -> None:
    watched = open_page(keyed)
    watched.expect_failures(401)
    page = watched.page
    log_in(page, "ak_wrong")
    expect(page.get_by_text(re.compile("does not know this key"))).to_be_visible()
    log_in(page, keyed.keys["ada"])
    chat = Chat(page)
    chat.ask("Counter", "Count to 5")
    assert chat.words() == numbered_words(5)


def test_a_key_stays_in_its_tab_and_survives_a_reload(keyed: Demo, open_page: OpenPage) -> None:
    watched = open_page(keyed, key="ada")
    page, key = watched.page, keyed.keys["ada"]
    expect(Chat(page).message).to_be_visible()
    page.reload()
    expect(Chat(page).message).to_be_visible()
    assert key in page.evaluate("() => JSON.stringify({...sessionStorage})")
    assert key not in page.evaluate("() => JSON.stringify({...localStorage}) + document.cookie + location.href")
    other = open_page(keyed, beside=watched)
    other.expect_failures(401)
    expect(other.page.get_by_label("API key")).to_be_visible()


def test_a_key_goes_in_no_address(keyed: Demo, open_page: OpenPage) -> None:
    watched = open_page(keyed, key="ada")
    Chat(watched.page).ask("Guide", "How do I roll out version 2.1?")
    assert [one.url for one in watched.requests if keyed.keys["ada"] in one.url] == []


def test_the_console_shows_what_a_key_may_do(keyed: Demo, open_page: OpenPage) -> None:
    page = open_page(keyed, key="reader").page
    page.get_by_role("button", name=re.compile("what this key may do")).click()
    dialog = page.get_by_role("dialog")
    for scope in ("agents:read", "runs:read", "sessions:read"):
        expect(dialog).to_contain_text(scope)
    expect(dialog).not_to_contain_text("sessions:write")


def test_a_key_that_may_only_read_is_offered_nothing_else(keyed: Demo, open_page: OpenPage) -> None:
    page = open_page(keyed, "#/agents", key="reader").page
    expect(page.get_by_role("main")).to_contain_text("Researcher")
    new = (
        page.get_by_role("main")
        .get_by_role("link", name="New agent")
        .or_(page.get_by_role("main").get_by_role("button", name="New agent"))
    )
    if new.count():
        expect(new).to_be_disabled()
    page.goto(f"{keyed.url}/#/chat")
    Chat(page).message.fill("Count to 3")
    send = page.get_by_role("button", name="Send")
    expect(send).to_be_disabled()
    expect(send).to_have_attribute("title", re.compile("agents:run"))


@pytest.mark.parametrize("view", ["sessions", "runs", "agents", "tools", "operate/settings", "operate/keys", "chat"])
def test_a_key_that_may_only_approve_is_told_which_scope_a_view_needs(
    keyed: Demo, open_page: OpenPage, view: str
) -> None:
    watched = open_page(keyed, f"#/{view}", key="approver")
    watched.expect_failures(403)
    expect(watched.page.get_by_role("main")).to_contain_text(re.compile(r"scope|may not|[a-z]+:(read|run)|admin"))


def test_another_tenant_sees_nothing_of_this_one(keyed: Demo, open_page: OpenPage) -> None:
    page = open_page(keyed, "#/sessions", key="ben").page
    expect(page.get_by_role("main").get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text(re.compile("no sessions|nothing|yet", re.I))
    expect(page.get_by_role("main")).not_to_contain_text("Rolling out")


def test_a_key_is_forgotten_when_its_owner_says_so(keyed: Demo, open_page: OpenPage) -> None:
    watched = open_page(keyed, key="ada")
    page = watched.page
    page.get_by_role("button", name=re.compile("what this key may do")).click()
    page.get_by_role("button", name=re.compile("^Forget")).click()
    expect(page.get_by_label("API key")).to_be_visible()
    assert page.evaluate("() => sessionStorage.length") == 0
    expect(page.get_by_text("Rolling out")).to_have_count(0)


def test_a_key_is_made_shown_once_used_and_revoked(keyed: Demo, open_page: OpenPage) -> None:
    page = open_page(keyed, "#/operate/keys", key="admin").page
    main = page.get_by_role("main")
    main.get_by_role("button", name="New key").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label(re.compile("^Name")).fill("robot")
    dialog.get_by_label(re.compile("^Owner")).fill("robots")
    dialog.get_by_role("button", name="Create key").click()
    secret = page.get_by_role("textbox", name="The new key").input_value()
    assert keyed.client().request("GET", "/api/v1/agents", headers={"Authorization": f"Bearer {secret}"}).status == 200
    page.reload()
    expect(main.get_by_role("row").filter(has_text="robots")).to_have_count(1)
    assert secret not in page.content()
    main.get_by_role("row").filter(has_text="robots").get_by_role("button", name=re.compile("revoke", re.I)).click()
    page.get_by_role("dialog").get_by_role("button", name=re.compile("revoke", re.I)).click()
    expect(main.get_by_role("row").filter(has_text="robots").filter(has_text="active")).to_have_count(0)
    assert keyed.client().request("GET", "/api/v1/agents", headers={"Authorization": f"Bearer {secret}"}).status == 401
