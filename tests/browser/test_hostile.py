"""What models, tools and names say is hostile: it is shown, and does nothing."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from browser.answers import HOSTILE
from browser.console import Chat
from browser.serving import Demo
from browser.watched import OpenPage

INERT = """() => {
    const log = document.querySelector('[role=log]') ?? document.body
    const all = [...log.querySelectorAll('*')]
    return {
        elements: all.filter(one => one.matches('script,iframe,object,embed,form,style,link,meta,base,video,audio'))
            .map(one => one.outerHTML.slice(0, 200)),
        handlers: all.filter(one => [...one.attributes].some(({name}) => name.startsWith('on')))
            .map(one => one.outerHTML.slice(0, 200)),
        pictures: [...log.querySelectorAll('img')].map(one => one.src).filter(one => !/^(data|blob):/.test(one)),
        links: [...log.querySelectorAll('a[href]')].map(one => one.href),
    }
}"""


def check_inert(page: Page) -> None:
    """Raise where something of an answer came to be that could do something."""
    assert page.evaluate("() => window.hacked ?? null") is None
    found = page.evaluate(INERT)
    links = found.pop("links")
    assert found == {"elements": [], "handlers": [], "pictures": []}
    assert {urlsplit(link).scheme for link in links} <= {"http", "https", "mailto", "blob"}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_answer_does_nothing(demo: Demo, open_page: OpenPage, kind: str) -> None:
    watched = open_page(demo)
    page = watched.page
    chat = Chat(page)
    page.goto(f"{demo.url}/#/chat?agent=counter")
    chat.say(f"Hostile {kind}")
    chat.wait_finished(seconds=60)
    page.wait_for_timeout(300)
    check_inert(page)
    expect(chat.message).to_be_visible()
    # The page still works, also when the answer comes from the history.
    page.reload()
    expect(chat.answers).to_have_count(1)
    page.wait_for_timeout(300)
    check_inert(page)
    chat.say("Count to 3")
    expect(chat.answers.last).to_have_text(re.compile("word3"))


def test_links_that_do_something_else_than_they_say_show_where_they_lead(demo: Demo, open_page: OpenPage) -> None:
    page = open_page(demo).page
    chat = Chat(page)
    answer = chat.ask("Counter", "Hostile links")
    expect(answer).to_contain_text("evil.example.net")
    expect(answer).to_contain_text("xn--pple-43d.com")
    for name in ("one", "two", "three", "four", "six"):
        expect(answer.get_by_role("link", name=name, exact=True)).to_have_count(0)
    for link in answer.get_by_role("link").all():
        assert "noopener" in (link.get_attribute("rel") or "")


def test_characters_that_turn_the_direction_of_text_are_made_visible(demo: Demo, open_page: OpenPage) -> None:
    answer = Chat(open_page(demo).page).ask("Counter", "Hostile bidi")
    for link in answer.get_by_role("link").all():
        assert "\u202e" not in (link.inner_text() + (link.get_attribute("title") or ""))


def test_hostile_names_are_text_everywhere(demo: Demo, open_page: OpenPage) -> None:
    client = demo.client()
    title = "<img src=x onerror=\"window.hacked='title'\"> \u202etxt.exe"
    made = client.post("/api/v1/sessions", {"agent_id": "hostile", "name": title})
    assert made.status == 201, made.text
    client.run("hostile", "<script>window.hacked='input'</script> Fail bug", session_id=made.json["session_id"])
    page = open_page(demo).page
    for view in (
        "chat",
        f"chat/{made.json['session_id']}",
        "sessions",
        "runs",
        "agents",
        "agents/hostile",
        "approvals",
    ):
        page.goto(f"{demo.url}/#/{view}")
        expect(page.get_by_role("main").get_by_role("heading", level=1).first).to_be_visible()
        page.wait_for_timeout(400)
        assert page.evaluate("() => window.hacked ?? null") is None, view
        assert page.locator("img[src=x]").count() == 0, view
        # `visible()` shows such a character by its number.
        assert "\u202e" not in page.get_by_role("main").inner_text(), view


def test_a_huge_table_scrolls_by_itself_and_not_the_page(demo: Demo, open_page: OpenPage) -> None:
    page = open_page(demo, width=390).page
    Chat(page).ask("Counter", "Hostile table", seconds=60)
    wide = page.evaluate("() => [document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1]


def test_the_page_cannot_be_put_into_another_one(demo: Demo, open_page: OpenPage) -> None:
    watched = open_page(demo)
    response = watched.page.request.get(f"{demo.url}/", headers={"Accept": "text/html"})
    policy = response.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy
    assert "require-trusted-types-for 'script'" in policy
