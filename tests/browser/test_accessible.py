"""The console without a mouse, without sight, and with little patience for motion."""

from __future__ import annotations

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from browser.console import THEMES, Chat, settled, wait_for
from browser.serving import Demo
from browser.views import VIEWS, path
from browser.watched import OpenPage

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}

FOCUSED = """() => {
    const one = document.activeElement
    // The box around a text may be what is marked.
    const marked = one => {
        const style = getComputedStyle(one)
        return (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1) || style.boxShadow !== 'none'
    }
    const box = one.getBoundingClientRect()
    return {
        name: one.getAttribute('aria-label') ?? one.labels?.[0]?.innerText ?? one.innerText?.trim() ?? '',
        tag: one.tagName,
        seen: box.width > 0 && box.height > 0,
        marked: marked(one) || (one.tagName === 'TEXTAREA' && marked(one.closest('form') ?? one)),
    }
}"""


TOO_WIDE = """() => {
    const scrolls = one => one && one.tagName !== 'MAIN'
        && (/auto|scroll/.test(getComputedStyle(one).overflowX) || scrolls(one.parentElement))
    const out = [...document.querySelectorAll('main button, main a, main input, main select, main textarea')]
        .filter(one => one.checkVisibility() && !scrolls(one) && !one.matches('.sr-only'))
        .filter(one => { const box = one.getBoundingClientRect(); return box.width && box.right > innerWidth + 1 })
        .map(one => one.outerHTML.slice(0, 120))
    return {page: document.documentElement.scrollWidth - innerWidth, out}
}"""


AT_ONCE = """() => new MutationObserver((_, watching) => {
    if (document.querySelector('nav') === null) return
    watching.disconnect()
    dispatchEvent(new KeyboardEvent('keydown', {key: 'k', ctrlKey: true, cancelable: true}))
}).observe(document, {childList: true, subtree: true})"""


def violations(page: Page) -> list[str]:
    """Return what axe says against the page as it is."""
    found = Axe().run(page, options=RULES).response["violations"]
    return [f"{one['id']}: {one['help']}: {node['html'][:200]}" for one in found for node in one["nodes"]]


@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing(demo: Demo, open_page: OpenPage, view: str) -> None:
    page = open_page(demo, path(demo, view), reduced_motion="reduce").page
    settled(page)
    found = {}
    for theme in THEMES:
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        page.wait_for_timeout(250)
        found[theme] = violations(page)
    assert found == {"light": [], "dark": []}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_on_a_phone(demo: Demo, open_page: OpenPage, dark: bool) -> None:
    page = open_page(demo, path(demo, "chat-tools"), width=390, dark=dark).page
    settled(page)
    assert violations(page) == []
    page.get_by_role("button", name="Open the navigation").click()
    page.wait_for_timeout(400)
    assert violations(page) == []


def test_axe_finds_nothing_in_the_login_and_the_dialogs(keyed: Demo, open_page: OpenPage) -> None:
    watched = open_page(keyed)
    watched.expect_failures(401)
    page = watched.page
    settled(page)
    assert violations(page) == []
    page.get_by_label("API key").fill(keyed.keys["ada"])
    page.keyboard.press("Enter")
    expect(page.get_by_role("navigation")).to_be_visible()
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert violations(page) == []


def test_a_shortcut_counts_as_soon_as_the_page_is_there(demo: Demo, open_page: OpenPage) -> None:
    page = open_page(demo, "#/tools").page
    page.add_init_script(f"({AT_ONCE})()")
    page.reload()
    expect(page.get_by_role("dialog")).to_be_visible()


def test_an_answer_is_asked_for_with_the_keyboard_alone(demo: Demo, open_page: OpenPage) -> None:
    page = open_page(demo, "#/tools").page
    settled(page)
    walk_to(page, re.compile("Chat"))
    page.keyboard.press("Enter")
    chat = Chat(page)
    expect(chat.message).to_be_visible()
    walk_to(page, re.compile("^Message"))
    page.keyboard.type("Count to 5")
    page.keyboard.press("Enter")
    chat.wait_finished()
    assert chat.answers.count() == 1


def test_every_stop_of_the_keyboard_is_seen(demo: Demo, open_page: OpenPage) -> None:
    page = open_page(demo, path(demo, "chat-tools")).page
    settled(page)
    stops = walk(page, 60)
    assert len({(stop["tag"], stop["name"]) for stop in stops}) > 15
    assert [stop for stop in stops if not (stop["seen"] and stop["marked"])] == []
    assert [stop for stop in stops if not stop["name"]] == []


def test_the_command_palette_leads_everywhere(demo: Demo, open_page: OpenPage) -> None:
    page = open_page(demo).page
    settled(page)
    page.keyboard.press("Control+k")
    page.keyboard.type("settings")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("#/operate/settings$"))
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_shortcuts_are_listed_and_work(demo: Demo, open_page: OpenPage) -> None:
    page = open_page(demo, "#/runs").page
    settled(page)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("t")
    expect(page).to_have_url(re.compile("#/tools$"))


def test_a_screen_reader_hears_the_state_and_not_each_token(demo: Demo, open_page: OpenPage) -> None:
    page = open_page(demo).page
    chat = Chat(page)
    expect(chat.log).to_be_attached()
    page.evaluate("""() => {
        window.said = []
        new MutationObserver(() => {
            for (const one of document.querySelectorAll('[role=status]')) {
                const text = one.textContent.trim()
                if (text && window.said.at(-1) !== text) window.said.push(text)
            }
        }).observe(document.body, {subtree: true, childList: true, characterData: true})
    }""")
    chat.choose("Counter")
    chat.say("Count to 100 every 0.02")
    chat.wait_finished()
    said = page.evaluate("() => window.said")
    assert any(re.search("answering", text, re.I) for text in said), said
    assert any(re.search("finished", text, re.I) for text in said), said
    assert len(said) < 12, said
    assert not any("word7" in text for text in said)
    # What is written into the log is not read out piece by piece.
    assert chat.log.get_attribute("aria-live") == "off" or chat.log.locator("[aria-busy]").count() > 0


def test_a_person_who_wants_no_motion_gets_none(demo: Demo, open_page: OpenPage) -> None:
    page = open_page(demo, reduced_motion="reduce").page
    chat = Chat(page)
    chat.choose("Counter")
    chat.say("Count to 200 every 0.05")
    chat.wait_words(3)
    moving = page.evaluate("""() => document.getAnimations()
        .filter(one => one.playState === 'running' && one.effect.getComputedTiming().duration > 50)
        .map(one => one.effect.target.outerHTML.slice(0, 100))""")
    assert moving == []
    chat.stop.click()


@pytest.mark.parametrize(
    "view", ["chat-markdown", "chat-tools", "sessions", "runs", "run", "approvals", "agent", "settings"]
)
def test_a_view_fits_every_width(demo: Demo, open_page: OpenPage, view: str) -> None:
    page = open_page(demo, path(demo, view)).page
    settled(page)
    found = {}
    for width in (360, 768, 1920):
        page.set_viewport_size({"width": width, "height": 800})
        page.wait_for_timeout(250)
        wide = page.evaluate(TOO_WIDE)
        if wide["page"] > 0 or wide["out"]:
            found[width] = wide
    assert found == {}


def walk(page: Page, steps: int) -> list[dict[str, Any]]:
    """Press Tab so often, and return where it led."""
    stops = []
    for _ in range(steps):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUSED)
        # After the last stop, the browser itself has its turn.
        if stop["tag"] != "BODY":
            stops.append(stop)
    return stops


def walk_to(page: Page, name: re.Pattern[str]) -> None:
    """Press Tab until what has this name has the focus."""

    def there() -> bool:
        page.keyboard.press("Tab")
        return bool(name.search(page.evaluate(FOCUSED)["name"]))

    wait_for(there, page, 10, f"the focus at {name.pattern}")
