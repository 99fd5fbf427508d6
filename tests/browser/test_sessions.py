"""Sessions: list, search, rename, delete, export; a thousand of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from agentos_testing import Serve
from playwright.sync_api import Locator, Page, expect

from browser.console import wait_for
from browser.seed import many_sessions
from browser.serving import Demo, serve_demo
from browser.watched import OpenPage

COUNT = 1000


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Serve the demo with a thousand sessions."""
    with Serve(tmp_path_factory.mktemp("full")) as serve:
        demo = serve_demo(serve)
        many_sessions(demo.client(), COUNT)
        yield demo
        demo.server.stop()


def rows(page: Page) -> Locator:
    """Return the links to sessions in the view."""
    return page.get_by_role("main").locator("a[href^='#/chat/']")


def own_session(demo: Demo, title: str) -> str:
    """Make a session with a finished run and return its id."""
    session = demo.client().post("/api/v1/sessions", {"agent_id": "counter", "name": title}).json["session_id"]
    demo.client().run("counter", "Count to 7", session_id=session)
    return str(session)


def act(page: Page, title: str, action: str) -> None:
    """Choose an action of a session in the list."""
    page.get_by_role("main").get_by_role("button", name=f"{action} {title}").click()


def test_a_thousand_sessions_are_paged_and_each_can_be_reached(full: Demo, open_page: OpenPage) -> None:
    page = open_page(full, "#/sessions").page
    expect(rows(page).first).to_be_visible()
    assert rows(page).count() <= 200
    for _ in range(60):
        if rows(page).count() >= COUNT:
            break
        before = rows(page).count()
        more = page.get_by_role("main").get_by_role("button", name=re.compile("more|next", re.I))
        if more.count():
            more.first.click()
        else:
            rows(page).last.scroll_into_view_if_needed()
        wait_for(lambda before=before: rows(page).count() != before, page, what="another page")
    # A list that keeps only what is seen has the oldest one at its end.
    expect(page.get_by_role("main").get_by_text(re.compile(r" (1|2|3|4|5|6|7|8)$")).first).to_be_visible()


def test_a_session_is_found_by_its_name_among_a_thousand(full: Demo, open_page: OpenPage) -> None:
    page = open_page(full, "#/sessions").page
    page.get_by_role("searchbox", name="Search sessions").fill("Rain in Oslo 3")
    wait_for(
        lambda: (texts := rows(page).all_inner_texts()) and all("Rain in Oslo 3" in text for text in texts),
        page,
        what="sessions with this name alone",
    )


def test_a_session_is_found_by_what_was_said_in_it(demo: Demo, open_page: OpenPage) -> None:
    session = demo.client().post("/api/v1/sessions", {"agent_id": "counter", "name": "Without a hint"}).json
    demo.client().run("counter", "Count to 3, my dear porcupine", session_id=session["session_id"])
    page = open_page(demo, "#/sessions").page
    page.get_by_label("Search in").select_option("In messages")
    page.get_by_role("searchbox", name="Search sessions").fill("porcupine")
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("Without a hint")


def test_a_session_is_renamed(demo: Demo, open_page: OpenPage) -> None:
    session = own_session(demo, "The old title")
    page = open_page(demo, "#/sessions").page
    act(page, "The old title", "Rename")
    field = page.get_by_role("dialog").get_by_role("textbox")
    field.fill("The new title")
    field.press("Enter")
    expect(rows(page).filter(has_text="The new title")).to_have_count(1)
    assert demo.client().get(f"/api/v1/sessions/{session}").json["name"] == "The new title"


def test_a_session_is_deleted_after_a_question(demo: Demo, open_page: OpenPage) -> None:
    session = own_session(demo, "To be deleted")
    page = open_page(demo, "#/sessions").page
    act(page, "To be deleted", "Delete")
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert demo.client().get(f"/api/v1/sessions/{session}").status == 200
    act(page, "To be deleted", "Delete")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(rows(page).filter(has_text="To be deleted")).to_have_count(0)
    assert demo.client().get(f"/api/v1/sessions/{session}").status == 404


@pytest.mark.parametrize("form", ["JSON", "Markdown"])
def test_a_session_is_exported_whole(demo: Demo, open_page: OpenPage, form: str) -> None:
    title = f"To be exported as {form}"
    own_session(demo, title)
    page = open_page(demo, "#/sessions", accept_downloads=True).page
    with page.expect_download() as download:
        act(page, title, "Export")
        page.get_by_role("menuitem", name=f"As {form}").click()
    with open(download.value.path(), encoding="utf-8") as file:
        text = file.read()
    if form == "JSON":
        assert "word1 word2 word3 word4 word5 word6 word7" in json.dumps(json.loads(text))
    else:
        assert "Count to 7" in text
        assert "word1 word2 word3 word4 word5 word6 word7" in text
    assert download.value.suggested_filename.endswith((".json", ".md"))
