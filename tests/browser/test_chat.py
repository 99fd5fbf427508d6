"""Talking to an agent."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from browser.console import Chat, numbered_words, wait_for
from browser.serving import Demo
from browser.watched import OpenPage

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d4944415478da63fcffff3f0300050001ff9d5c6ab30000000049454e44ae426082"
)


def test_markdown_is_shown_as_what_it_means(demo: Demo, open_page: OpenPage) -> None:
    answer = Chat(open_page(demo).page).ask("Guide", "How do I roll out version 2.1?")
    expect(answer.get_by_role("heading", name="Rolling out version 2.1")).to_be_visible()
    expect(answer.get_by_role("table").get_by_role("row")).to_have_count(5)
    expect(answer.get_by_role("listitem").filter(has_text="Back up the database")).to_be_visible()
    expect(answer.locator("strong").first).to_have_text("how runs are stored")
    expect(answer.locator("pre").filter(has_text="def restart")).to_be_visible()


def test_code_is_highlighted_and_can_be_copied(demo: Demo, open_page: OpenPage) -> None:
    page = open_page(demo, permissions=["clipboard-read", "clipboard-write"]).page
    answer = Chat(page).ask("Guide", "How do I roll out version 2.1?")
    code = answer.locator("pre").filter(has_text="def restart")
    wait_for(lambda: code.locator("code span").count() > 5, page, what="highlighting")
    answer.get_by_role("button", name=re.compile("copy", re.I)).nth(1).click()
    copied = page.evaluate("() => navigator.clipboard.readText()")
    assert copied.startswith("from collections.abc import Iterator\n\n\ndef restart(")
    assert copied.rstrip().endswith("time.sleep(pause)")


def test_pictures_of_the_answer_are_shown_and_foreign_ones_are_links(demo: Demo, open_page: OpenPage) -> None:
    answer = Chat(open_page(demo).page).ask("Guide", "How do I roll out version 2.1?")
    dot = answer.get_by_role("img", name="a green dot")
    assert dot.evaluate("image => image.naturalWidth") == 24
    picture = answer.get_by_role("link", name=re.compile("diagram of the steps"))
    expect(picture).to_have_attribute("href", "https://pictures.example.com/steps.png")
    expect(answer.get_by_role("img", name="diagram of the steps")).to_have_count(0)


def test_links_show_their_host_and_tell_it_nothing(demo: Demo, open_page: OpenPage) -> None:
    answer = Chat(open_page(demo).page).ask("Guide", "How do I roll out version 2.1?")
    link = answer.get_by_role("link", name=re.compile("upgrade guide"))
    expect(link).to_have_attribute("rel", re.compile("noopener.*noreferrer|noreferrer.*noopener"))
    expect(answer).to_contain_text("docs.example.com")


def test_reasoning_is_folded_and_can_be_read(demo: Demo, open_page: OpenPage) -> None:
    page = open_page(demo).page
    chat = Chat(page)
    expect(chat.ask("Thinker", "How many days are between 12 March and 4 May?")).to_contain_text("53 days")
    thought = chat.log.get_by_text("Let me check with day numbers")
    expect(thought).to_be_hidden()
    chat.reasoning.click()
    expect(thought).to_be_visible()


def test_tools_show_their_arguments_results_durations_and_errors(demo: Demo, open_page: OpenPage) -> None:
    page = open_page(demo).page
    chat = Chat(page)
    expect(chat.ask("Researcher", "Research Oslo")).to_contain_text("It rains in Oslo")
    slow = chat.tool("search_archive")
    expect(slow).to_contain_text(re.compile(r"2\.\d"))
    slow.click()
    expect(chat.log).to_contain_text("rain in Oslo")
    expect(chat.log).to_contain_text("Rain report 2024")
    failed = chat.tool("read_sensor")
    expect(failed).to_contain_text(re.compile("failed|error", re.I))
    failed.click()
    expect(chat.log).to_contain_text("sensor roof-7 does not answer")


def test_tools_that_run_at_once_are_shown_while_they_run(demo: Demo, open_page: OpenPage) -> None:
    chat = Chat(open_page(demo).page)
    chat.choose("Researcher")
    chat.say("Research Oslo")
    expect(chat.tool("search_archive")).to_contain_text(re.compile("running|…", re.I))
    expect(chat.tool("weather")).not_to_contain_text(re.compile("running", re.I))
    chat.wait_finished()


def test_stop_ends_the_run_and_keeps_what_was_said(demo: Demo, open_page: OpenPage) -> None:
    page = open_page(demo).page
    chat = Chat(page)
    chat.choose("Counter")
    chat.say("Count to 2000 every 0.05")
    chat.wait_words(10)
    chat.stop.click()
    expect(chat.stop).to_have_count(0)
    words = chat.words()
    assert words == numbered_words(len(words))
    run = demo.client().get("/api/v1/runs?limit=1").json["runs"][0]
    assert run["status"] == "cancelled"
    page.reload()
    expect(chat.log).to_contain_text(re.compile("stopped|cancelled", re.I))


def test_a_failed_run_says_why_and_is_tried_again(demo: Demo, open_page: OpenPage) -> None:
    page = open_page(demo).page
    chat = Chat(page)
    chat.choose("Broken")
    chat.say("Fail credit")
    expect(chat.alert).to_contain_text("The account has no credit left")
    expect(chat.alert).to_contain_text("QUOTA_EXHAUSTED")
    runs = len(demo.client().get("/api/v1/runs?agent_id=broken").json["runs"])
    chat.log.get_by_role("button", name="Try again").click()
    wait_for(lambda: len(demo.client().get("/api/v1/runs?agent_id=broken").json["runs"]) == runs + 1, page)


def test_a_question_is_edited_and_asked_again_in_a_fork(demo: Demo, open_page: OpenPage) -> None:
    page = open_page(demo).page
    chat = Chat(page)
    chat.ask("Counter", "Count to 5")
    first = page.url
    chat.say("Count to 6")
    wait_for(lambda: chat.answers.count() == 2 and chat.words() == numbered_words(6), page)
    chat.wait_finished()
    chat.log.get_by_role("button", name="Edit and ask again").last.click()
    edited = page.get_by_role("textbox", name=re.compile("edit|message", re.I)).first
    edited.fill("Count to 7")
    edited.press("Enter")
    wait_for(lambda: chat.answers.count() == 2 and chat.words() == numbered_words(7), page)
    assert page.url != first
    chat.wait_finished()
    page.goto(first)
    wait_for(lambda: chat.answers.count() == 2 and chat.words() == numbered_words(6), page)


def test_enter_sends_and_shift_enter_begins_a_line(demo: Demo, open_page: OpenPage) -> None:
    page = open_page(demo).page
    chat = Chat(page)
    chat.choose("Counter")
    chat.message.fill("Count to 3")
    chat.message.press("Shift+Enter")
    page.keyboard.type("please")
    expect(chat.message).to_have_value("Count to 3\nplease")
    page.keyboard.press("Enter")
    chat.wait_finished()
    assert chat.words() == numbered_words(3)
    expect(chat.message).to_have_value("")


def test_files_go_with_a_message_and_are_shown(demo: Demo, open_page: OpenPage) -> None:
    page = open_page(demo).page
    chat = Chat(page)
    chat.choose("Guide")
    page.locator("input[type=file]").set_input_files(
        [
            {"name": "dot.png", "mimeType": "image/png", "buffer": PNG},
            {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"some notes"},
        ]
    )
    chat.say("What is this?")
    chat.wait_finished()
    expect(chat.answers.last).to_contain_text("dot.png (image/png, 70 bytes)")
    expect(chat.answers.last).to_contain_text("notes.txt (text/plain, 10 bytes)")
    page.reload()
    picture = chat.log.get_by_role("img", name=re.compile("dot.png"))
    wait_for(lambda: picture.count() == 1 and picture.evaluate("image => image.naturalWidth") == 1, page)


def test_a_message_waits_for_the_run_before_it(demo: Demo, open_page: OpenPage) -> None:
    page = open_page(demo).page
    chat = Chat(page)
    chat.choose("Counter")
    chat.say("Count to 60 every 0.05")
    chat.wait_words(5)
    chat.say("Count to 4")
    wait_for(lambda: chat.answers.count() == 2 and chat.words() == numbered_words(4), page)
    assert chat.answers.first.inner_text().split() == numbered_words(60)


@pytest.mark.timeout(300)
def test_the_small_real_model_answers(small_model: Demo, open_page: OpenPage) -> None:
    page = open_page(small_model).page
    chat = Chat(page)
    answer = chat.ask("Assistant", "Say hello.", seconds=200)
    assert len(answer.inner_text().strip()) > 1
    told = small_model.client().get("/api/v1/runs?limit=1").json["runs"][0]
    assert told["status"] == "completed"
