"""What a person finds who opens the console for the first time."""

from __future__ import annotations

import json
import re

from playwright.sync_api import expect

from browser.console import Chat
from browser.serving import Demo
from browser.watched import OpenPage

VIEWS = ("Chat", "Sessions", "Runs", "Approvals", "Agents", "Tools", "Models", "Plugins", "Settings", "Health", "Keys")


def test_the_first_page_is_a_chat_that_answers(demo: Demo, open_page: OpenPage) -> None:
    page = open_page(demo).page
    chat = Chat(page)
    expect(chat.message).to_be_focused()
    answer = chat.ask("Guide", "How do I roll out version 2.1?")
    expect(answer).to_contain_text("The last step drops the old columns.")
    expect(page).to_have_url(re.compile(r"/#/chat/[0-9a-f-]{36}$"))


def test_every_view_is_reached_from_the_navigation_and_says_what_it_is(demo: Demo, open_page: OpenPage) -> None:
    page = open_page(demo).page
    for name in VIEWS:
        page.get_by_role("navigation").get_by_role("link", name=re.compile(f"^{name}")).first.click()
        expect(page.get_by_role("main").get_by_role("heading", level=1)).to_have_count(1)
        expect(page).to_have_title(re.compile(name))


def test_the_browser_keeps_nothing_of_a_run(demo: Demo, open_page: OpenPage) -> None:
    page = open_page(demo).page
    Chat(page).ask("Guide", "A secret question: xyzzy")
    stored = page.evaluate("() => JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert "xyzzy" not in stored
    assert "columns" not in stored
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", stored), "an id of a session or a run is kept"
    assert page.context.cookies() == []
    assert json.loads(page.evaluate("async () => JSON.stringify(await indexedDB.databases())")) == []
    assert page.evaluate("async () => (await caches.keys()).length") == 0


def test_an_unknown_address_says_so_and_shows_a_way_back(demo: Demo, open_page: OpenPage) -> None:
    page = open_page(demo, "#/there/is/no/such/view").page
    expect(page.get_by_role("main")).to_contain_text(re.compile("no such page", re.I))
    expect(page.get_by_role("navigation").get_by_role("link", name="Chat")).to_be_visible()
