"""What the server is made of, and whether it is well."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from browser.serving import Demo
from browser.watched import OpenPage


@pytest.mark.parametrize(
    ("view", "shown"),
    [
        ("operate/plugins", ["demo", "console"]),
        ("operate/models", ["demo", "scripted"]),
        ("operate/health", ["storage|database", "ok|ready|well|healthy"]),
    ],
)
def test_a_view_shows_what_the_api_says(demo: Demo, open_page: OpenPage, view: str, shown: list[str]) -> None:
    main = open_page(demo, f"#/{view}").page.get_by_role("main")
    for text in shown:
        expect(main).to_contain_text(re.compile(text, re.I))


def test_settings_show_their_sources_and_no_secret(keyed: Demo, open_page: OpenPage) -> None:
    page = open_page(keyed, "#/operate/settings", key="admin").page
    main = page.get_by_role("main")
    page.get_by_role("searchbox", name="Search settings").fill("lease_seconds")
    expect(main).not_to_contain_text("database_pooler")
    expect(main).to_contain_text("AGENTOS_LEASE_SECONDS")
    expect(main).to_contain_text("environment")


def test_without_keys_the_console_says_so_and_how_to_have_some(demo: Demo, open_page: OpenPage) -> None:
    page = open_page(demo).page
    page.get_by_role("button", name=re.compile("No key")).click()
    expect(page.get_by_role("dialog")).to_contain_text("AGENTOS_AUTH=api_key")
