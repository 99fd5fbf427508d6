"""A stream that is interrupted in any way goes on exactly: no character is lost, and none is doubled."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from agentos_testing import Serve
from playwright.sync_api import expect

from browser.console import Chat, numbered_words, wait_for
from browser.serving import Demo, serve_demo
from browser.watched import OpenPage, Watched

WORDS = 150
LONG = 1000


@pytest.fixture
def own_demo(tmp_path: Path) -> Iterator[Demo]:
    """Serve the demo for one test, which may stop it or kill its workers."""
    with Serve(tmp_path) as serve:
        yield serve_demo(serve)


def counting(watched: Watched, agent: str = "Counter", count: int = WORDS, every: float = 0.04) -> Chat:
    """Begin an answer of numbered words."""
    chat = Chat(watched.page)
    chat.choose(agent)
    chat.say(f"Count to {count} every {every}")
    return chat


@pytest.mark.timeout(170)
def test_a_page_that_is_loaded_again_twenty_times_in_a_stream_has_all_of_it(demo: Demo, open_page: OpenPage) -> None:
    watched = open_page(demo)
    # A reload cuts the page's own requests.
    watched.expect_failures("ERR_ABORTED")
    chat = counting(watched, count=LONG, every=0.06)
    seen = 0
    for _ in range(20):
        chat.wait_words(seen + 1)
        words = chat.words()
        assert words == numbered_words(len(words))
        seen = len(words)
        assert seen < LONG, "the answer ended before the page was loaded twenty times"
        watched.page.reload()
    chat.wait_words(LONG, seconds=90)
    expect(chat.stop).to_have_count(0)
    live = chat.answers.last.inner_text()
    assert live.split() == numbered_words(LONG)
    watched.page.reload()
    wait_for(lambda: chat.answers.count() == 1 and chat.answers.last.inner_text() == live, watched.page)
    assert (
        len(demo.client().get(f"/api/v1/sessions/{watched.page.url.rpartition('/')[2]}/history").json["messages"]) == 2
    )


def test_a_tab_that_is_closed_and_opened_again_goes_on(demo: Demo, open_page: OpenPage) -> None:
    first = open_page(demo)
    chat = counting(first)
    chat.wait_words(20)
    address = first.page.url
    first.page.close()
    again = Chat(open_page(demo, address.removeprefix(demo.url)).page)
    again.wait_words(WORDS)
    assert again.words() == numbered_words(WORDS)


def test_two_tabs_show_the_same_stream(demo: Demo, open_page: OpenPage) -> None:
    first = open_page(demo)
    chat = counting(first)
    chat.wait_words(10)
    second = open_page(demo, first.page.url.removeprefix(demo.url), beside=first)
    other = Chat(second.page)
    other.wait_words(WORDS)
    chat.wait_words(WORDS)
    assert chat.words() == other.words() == numbered_words(WORDS)
    expect(chat.log.get_by_text("Count to")).to_have_count(1)


def test_another_view_and_back_shows_the_stream_as_it_is_now(demo: Demo, open_page: OpenPage) -> None:
    watched = open_page(demo)
    chat = counting(watched)
    chat.wait_words(10)
    address = watched.page.url
    watched.page.get_by_role("navigation").get_by_role("link", name="Tools").first.click()
    expect(watched.page.get_by_role("main")).to_contain_text("search_archive")
    watched.page.goto(address)
    chat.wait_words(WORDS)
    assert chat.words() == numbered_words(WORDS)


@pytest.mark.timeout(120)
def test_the_end_of_a_run_that_lost_its_worker_is_told(own_demo: Demo, open_page: OpenPage) -> None:
    watched = open_page(own_demo)
    watched.expect_failures("ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE", 503)
    chat = counting(watched, count=2000)
    chat.wait_words(10)
    kill_workers(own_demo)
    expect(chat.alert).to_contain_text("WORKER_LOST", timeout=60_000)
    words = chat.words()
    assert words == numbered_words(len(words))


@pytest.mark.timeout(120)
def test_a_run_that_starts_over_elsewhere_shows_its_answer_once(own_demo: Demo, open_page: OpenPage) -> None:
    watched = open_page(own_demo)
    watched.expect_failures("ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE", 503)
    chat = counting(watched, agent="Steady counter", count=100)
    chat.wait_words(10)
    kill_workers(own_demo)
    wait_for(lambda: chat.words() == numbered_words(100), watched.page, 90, "the whole answer")
    chat.wait_finished()


@pytest.mark.timeout(150)
def test_a_server_that_goes_and_comes_back_is_noticed_and_the_page_goes_on(tmp_path: Path, open_page: OpenPage) -> None:
    with Serve(tmp_path) as serve:
        demo = serve_demo(serve)
        watched = open_page(demo)
        watched.expect_failures("ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE", 503)
        chat = Chat(watched.page)
        chat.ask("Counter", "Count to 5")
        demo.server.stop()
        watched.page.get_by_role("navigation").get_by_role("link", name="Runs").first.click()
        gone = watched.page.get_by_text(re.compile("server.*(not|cannot).*(answer|reach)|offline", re.I)).first
        expect(gone).to_be_visible(timeout=30_000)
        port = int(demo.url.rpartition(":")[2])
        again = serve_demo(
            serve, port=port, env={"AGENTOS_DATABASE_URL": demo.server.environment["AGENTOS_DATABASE_URL"]}
        )
        expect(gone).to_have_count(0, timeout=60_000)
        expect(watched.page.get_by_role("main")).to_contain_text("counter")
        watched.page.get_by_role("navigation").get_by_role("link", name="Chat").first.click()
        chat.ask("Counter", "Count to 6")
        assert chat.words() == numbered_words(6)
        again.server.stop()


def kill_workers(demo: Demo) -> None:
    """Kill all workers as a crash would. The master starts others."""
    for worker in psutil.Process(demo.server.pid).children():
        worker.send_signal(signal.SIGKILL)
