"""Agents are made, changed and compared; tools are seen and called by hand."""

from __future__ import annotations

import re
from uuid import uuid4

from playwright.sync_api import Locator, Page, expect

from browser.console import Chat, numbered_words, wait_for
from browser.serving import Demo
from browser.watched import OpenPage


def stored(demo: Demo, **fields: object) -> str:
    """Store an agent and return its id."""
    made = f"agent-{uuid4().hex[:8]}"
    answer = demo.client().post("/api/v1/agents", {"id": made, "name": made, "model": "demo:counter", **fields})
    assert answer.status == 201, answer.text
    return made


def instructions_of(demo: Demo, agent: str) -> str:
    return str(demo.client().get(f"/api/v1/agents/{agent}").json["definition"]["instructions"])


def field(page: Page, name: str) -> Locator:
    """Return a field of the editor; its label may say that it is optional."""
    return page.get_by_role("main").get_by_label(re.compile(rf"^{name}(\s+optional)?\s*$"))


def save(page: Page) -> None:
    page.get_by_role("main").get_by_role("button", name=re.compile("^(Save|Create)")).first.click()


def test_an_agent_is_made_and_answers(demo: Demo, open_page: OpenPage) -> None:
    page = open_page(demo, "#/agents").page
    main = page.get_by_role("main")
    main.get_by_role("link", name="New agent").click()
    name = f"Made {uuid4().hex[:6]}"
    field(page, "Id").fill(f"made-{uuid4().hex[:6]}")
    field(page, "Name").fill(name)
    field(page, "Model").fill("demo:counter")
    field(page, "Instructions").fill("You count.")
    main.get_by_role("group", name="Tools").get_by_role("checkbox", name=re.compile("^divide")).check()
    save(page)
    wait_for(
        lambda: any(one["name"] == name for one in demo.client().get("/api/v1/agents?limit=100").json["agents"]), page
    )
    made = next(one for one in demo.client().get("/api/v1/agents?limit=100").json["agents"] if one["name"] == name)
    chat = Chat(page)
    page.goto(f"{demo.url}/#/chat?agent={made['id']}")
    chat.say("Count to 4")
    chat.wait_finished()
    assert chat.words() == numbered_words(4)


def test_an_agent_is_changed_compared_and_rolled_back(demo: Demo, open_page: OpenPage) -> None:
    agent = stored(demo, instructions="You count slowly.")
    page = open_page(demo, f"#/agents/{agent}").page
    main = page.get_by_role("main")
    field(page, "Instructions").fill("You count quickly.")
    save(page)
    wait_for(lambda: instructions_of(demo, agent) == "You count quickly.", page)
    page.get_by_role("tab", name=re.compile("^Versions")).click()
    main.get_by_role("button", name="Compare").first.click()
    expect(main).to_contain_text("You count slowly.")
    expect(main).to_contain_text("You count quickly.")
    main.get_by_role("button", name=re.compile("^Roll back")).first.click()
    page.get_by_role("dialog").get_by_role("button", name=re.compile("^Roll back")).click()
    wait_for(lambda: instructions_of(demo, agent) == "You count slowly.", page)


def test_a_change_by_somebody_else_meanwhile_is_not_overwritten(demo: Demo, open_page: OpenPage) -> None:
    agent = stored(demo, instructions="First.")
    watched = open_page(demo, f"#/agents/{agent}")
    watched.expect_failures(409, 412)
    page = watched.page
    instructions = field(page, "Instructions")
    expect(instructions).to_have_value("First.")
    demo.client().request(
        "PUT", f"/api/v1/agents/{agent}", {"name": agent, "model": "demo:counter", "instructions": "Theirs."}
    )
    instructions.fill("Mine.")
    save(page)
    expect(page.get_by_role("main")).to_contain_text("Theirs.")
    assert instructions_of(demo, agent) == "Theirs."
    assert "Mine." in (instructions.input_value() + page.get_by_role("main").inner_text())


def test_a_value_that_is_refused_is_said_and_nothing_is_lost(demo: Demo, open_page: OpenPage) -> None:
    agent = stored(demo)
    page = open_page(demo, f"#/agents/{agent}").page
    field(page, "Instructions").fill("Long work.")
    field(page, "Model").fill("nonsense")
    expect(page.get_by_text("a provider and a model, as openai:gpt-5-mini")).to_be_visible()
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    expect(field(page, "Instructions")).to_have_value("Long work.")


def test_an_agent_is_deleted_after_a_question(demo: Demo, open_page: OpenPage) -> None:
    agent = stored(demo)
    page = open_page(demo, f"#/agents/{agent}").page
    delete = page.get_by_role("main").get_by_role("button", name=re.compile("^Delete"))
    if not delete.count():
        page.get_by_role("main").get_by_role("button", name=re.compile("more|actions", re.I)).first.click()
        delete = page.get_by_role("menuitem", name=re.compile("^Delete"))
    delete.first.click()
    page.get_by_role("dialog").get_by_role("button", name=re.compile("^Delete")).click()
    wait_for(lambda: demo.client().get(f"/api/v1/agents/{agent}").status == 404, page)


def test_an_agent_of_code_is_shown_and_cannot_be_changed(demo: Demo, open_page: OpenPage) -> None:
    page = open_page(demo, "#/agents/guide").page
    main = page.get_by_role("main")
    expect(main).to_contain_text("Explains with code, tables and pictures.")
    expect(main.get_by_role("button", name="Save")).to_have_count(0)


def test_a_tool_is_called_by_hand(demo: Demo, open_page: OpenPage) -> None:
    page = open_page(demo, "#/tools").page
    main = page.get_by_role("main")
    main.get_by_role("link", name=re.compile("weather")).first.click()
    main.get_by_label(re.compile("^city", re.I)).fill("Oslo")
    main.get_by_role("button", name="Call").click()
    result = main.get_by_label("Result", exact=True)
    expect(result).to_contain_text("rain")
    expect(result).to_contain_text(re.compile(r"\d\s?(ms|s)"))


def test_a_tool_that_fails_shows_its_error(demo: Demo, open_page: OpenPage) -> None:
    watched = open_page(demo, "#/tools/read_sensor")
    main = watched.page.get_by_role("main")
    main.get_by_label(re.compile("^sensor", re.I)).fill("roof-7")
    main.get_by_role("button", name="Call").click()
    expect(main.get_by_label("Result", exact=True)).to_contain_text("roof-7 does not answer")


def test_arguments_that_do_not_fit_are_said_at_the_form(demo: Demo, open_page: OpenPage) -> None:
    watched = open_page(demo, "#/tools/divide")
    watched.expect_failures(400, 422)
    main = watched.page.get_by_role("main")
    main.get_by_label(re.compile("^dividend", re.I)).fill("1")
    main.get_by_role("button", name="Call").click()
    expect(main).to_contain_text("It is needed.")
