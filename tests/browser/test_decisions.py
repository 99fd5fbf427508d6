"""Approvals and questions: in the chat, and as an inbox."""

from __future__ import annotations

import json
import re

from playwright.sync_api import Locator, Page, expect

from browser.console import Chat, wait_for
from browser.serving import Demo
from browser.watched import OpenPage

REFUND = "Please refund 500 euros, order A-1042."


def pending(page: Page) -> Locator:
    """Return what waits for a decision or an answer, on this page."""
    return page.get_by_role("main").get_by_role("region", name=re.compile("^(Approval|Question)"))


def ask_for_refund(page: Page, agent: str = "Refund clerk") -> Chat:
    chat = Chat(page)
    chat.choose(agent)
    chat.say(REFUND)
    expect(pending(page)).to_have_count(1)
    return chat


def results(demo: Demo, agent: str) -> list[str]:
    """Return the results of the tools of an agent's last run, from its events."""
    run = demo.client().get(f"/api/v1/runs?agent_id={agent}&limit=1").json["runs"][0]["run_id"]
    text = demo.client().get(f"/api/v1/runs/{run}/events").text
    events = [json.loads(line.removeprefix("data:")) for line in text.splitlines() if line.startswith("data:")]
    return [one["data"]["result"] for one in events if one["type"] == "tool_call" and "result" in one["data"]]


def open_arguments(page: Page) -> Locator:
    """Open the arguments of the call that waits, as JSON."""
    pending(page).get_by_role("button", name="Edit arguments").click()
    as_json = pending(page).get_by_role("button", name="Edit as JSON")
    arguments = pending(page).get_by_role("textbox", name="Arguments")
    wait_for(lambda: as_json.count() or arguments.count(), page, what="the form")
    if as_json.count():
        as_json.click()
    return arguments


def test_a_call_is_approved_in_the_chat(demo: Demo, open_page: OpenPage) -> None:
    page = open_page(demo).page
    chat = ask_for_refund(page)
    expect(pending(page)).to_contain_text("500")
    expect(pending(page)).to_contain_text("Refunds need a person")
    pending(page).get_by_role("button", name="Approve").click()
    chat.wait_finished()
    expect(chat.answers.last).to_contain_text("500 euros paid back for order A-1042")
    expect(pending(page)).to_have_count(0)
    assert results(demo, "clerk") == ["500 euros paid back for order A-1042"]


def test_the_arguments_are_changed_before_the_call_is_approved(demo: Demo, open_page: OpenPage) -> None:
    page = open_page(demo).page
    chat = ask_for_refund(page)
    box = pending(page)
    open_arguments(page).fill('{"order": "A-1042", "amount": 50}')
    box.get_by_role("textbox", name="Message").fill("50 is enough.")
    box.get_by_role("button", name="Approve with changes").click()
    chat.wait_finished()
    expect(chat.answers.last).to_contain_text("50 euros paid back for order A-1042")
    assert results(demo, "clerk") == ["50 euros paid back for order A-1042"]


def test_arguments_that_do_not_fit_are_refused_before_they_are_sent(demo: Demo, open_page: OpenPage) -> None:
    watched = open_page(demo)
    page = watched.page
    ask_for_refund(page)
    box = pending(page)
    open_arguments(page).fill('{"order": "A-1042", "amount": "much"')
    approve = box.get_by_role("button", name=re.compile("^Approve"))
    expect(approve).to_be_disabled()
    expect(approve).to_have_attribute("title", "The arguments do not fit.")


def test_a_call_is_rejected_with_a_message_that_the_model_reads(demo: Demo, open_page: OpenPage) -> None:
    page = open_page(demo).page
    chat = ask_for_refund(page)
    pending(page).get_by_role("textbox", name="Message").fill("Not this week.")
    pending(page).get_by_role("button", name="Reject").click()
    chat.wait_finished()
    expect(chat.answers.last).to_contain_text("Not this week.")


def test_a_call_that_expires_is_shown_as_expired(demo: Demo, open_page: OpenPage) -> None:
    page = open_page(demo).page
    chat = ask_for_refund(page, "Hasty refund clerk")
    expect(pending(page)).to_contain_text(re.compile(r"0:0\d left"))
    chat.wait_finished(seconds=60)
    expect(pending(page).get_by_role("button", name="Approve")).to_have_count(0)
    expect(chat.answers.last).to_contain_text(re.compile("expired|not approved|rejected|in time", re.I))


def test_a_question_is_answered_with_a_form(demo: Demo, open_page: OpenPage) -> None:
    page = open_page(demo).page
    chat = Chat(page)
    chat.choose("Front desk")
    chat.say("Book a room for six on Monday.")
    box = pending(page)
    expect(box).to_contain_text("When, and in which room, do the 6 people meet on Monday?")
    box.get_by_label(re.compile("^Time")).fill("10:30")
    box.get_by_label(re.compile("^Room")).select_option(label="Green room")
    box.get_by_role("button", name="Answer").click()
    chat.wait_finished()
    expect(chat.answers.last).to_contain_text("the Green room is booked for Monday at 10:30")


def test_the_inbox_has_what_waits_and_decides_it(demo: Demo, open_page: OpenPage) -> None:
    run = demo.client().run("clerk", "Please refund 321 euros").json
    page = open_page(demo, "#/approvals").page
    expect(page.get_by_role("navigation").get_by_role("link", name=re.compile(r"Approvals.*\d"))).to_be_visible()
    page.get_by_role("main").get_by_role("list", name="What waits").get_by_role("link").filter(
        has_text=re.compile("refund")
    ).first.click()
    expect(pending(page)).to_contain_text("321")
    pending(page).get_by_role("button", name="Approve").click()
    wait_for(lambda: demo.client().get(f"/api/v1/runs/{run['run_id']}").json["status"] == "completed", page)
    page.get_by_role("tab", name="Answered").click()
    expect(page.get_by_role("main")).to_contain_text(re.compile("approved", re.I))


def test_a_decision_that_is_remembered_is_listed_and_revoked(demo: Demo, open_page: OpenPage) -> None:
    page = open_page(demo).page
    chat = ask_for_refund(page)
    pending(page).get_by_role("checkbox", name=re.compile("later calls")).check()
    pending(page).get_by_role("button", name="Approve").click()
    chat.wait_finished()
    chat.say(REFUND)
    wait_for(lambda: chat.answers.count() == 2 and "paid back" in chat.answers.last.inner_text(), page)
    page.goto(f"{demo.url}/#/approvals")
    page.get_by_role("tab", name="Remembered decisions").click()
    page.get_by_role("button", name="Revoke").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("button", name="Revoke")).to_have_count(0)


def test_a_call_that_another_person_has_to_approve_says_so_and_the_other_one_decides(
    keyed: Demo, open_page: OpenPage
) -> None:
    page = open_page(keyed, key="ada").page
    chat = ask_for_refund(page, "Strict refund clerk")
    expect(pending(page)).to_contain_text(re.compile("another person|somebody else", re.I))
    expect(pending(page).get_by_role("button", name="Approve")).to_be_disabled()
    other = open_page(keyed, "#/approvals", key="approver").page
    other.get_by_role("main").get_by_role("list", name="What waits").get_by_role("link").filter(
        has_text="refund"
    ).first.click()
    expect(pending(other)).to_contain_text("500")
    pending(other).get_by_role("button", name="Approve").click()
    chat.wait_finished(seconds=60)
    expect(chat.answers.last).to_contain_text("500 euros paid back")
