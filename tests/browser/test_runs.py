"""Runs: the list, a run's timeline, its events, its errors; live ones are followed and cancelled."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from browser.console import wait_for
from browser.serving import Demo
from browser.watched import OpenPage


def last_run(demo: Demo, agent: str) -> str:
    return str(demo.client().get(f"/api/v1/runs?agent_id={agent}&limit=1").json["runs"][0]["run_id"])


def test_the_list_has_runs_and_filters_them(demo: Demo, open_page: OpenPage) -> None:
    page = open_page(demo, "#/runs").page
    main = page.get_by_role("main")
    expect(main.get_by_role("row").nth(1)).to_be_visible()
    main.get_by_label("Status").select_option("failed")
    wait_for(
        lambda: (
            (texts := main.get_by_role("row").all_inner_texts()[1:])
            and all(re.search("failed", text, re.I) for text in texts)
        ),
        page,
        what="failed runs alone",
    )
    page.reload()
    expect(main.get_by_label("Status")).to_have_value("failed")


def test_a_run_shows_its_calls_as_bars_and_as_a_table(demo: Demo, open_page: OpenPage) -> None:
    page = open_page(demo, f"#/runs/{last_run(demo, 'researcher')}").page
    main = page.get_by_role("main")
    timeline = main.get_by_role("list", name="Timeline")
    expect(timeline.get_by_role("button").filter(has_text="search_archive")).to_be_visible()
    expect(timeline.get_by_role("button").filter(has_text="read_sensor")).to_contain_text(re.compile("failed", re.I))
    expect(timeline.get_by_role("button").filter(has_text="demo:researcher")).to_have_count(2)
    main.get_by_role("button", name="Show as a table").click()
    table = main.get_by_role("table", name="Calls of this run")
    expect(table.get_by_role("row")).to_have_count(6)
    expect(table).to_contain_text("search_archive")


def test_a_call_that_was_tried_again_shows_each_try(demo: Demo, open_page: OpenPage) -> None:
    page = open_page(demo, f"#/runs/{last_run(demo, 'flaky')}").page
    tries = page.get_by_role("list", name="Timeline").get_by_role("button")
    expect(tries).to_have_count(3)
    expect(tries.nth(0)).to_contain_text("failed")
    expect(tries.nth(1)).to_contain_text("attempt 2")
    page.get_by_role("tab", name=re.compile("^Errors")).click()
    expect(page.get_by_role("main")).to_contain_text("PROVIDER_UNAVAILABLE")


def test_a_failed_run_shows_its_error_with_its_cause(demo: Demo, open_page: OpenPage) -> None:
    page = open_page(demo, "#/runs?agent=broken&status=failed").page
    run = demo.client().get("/api/v1/runs?agent_id=broken&status=failed&limit=100").json["runs"][-1]["run_id"]
    page.goto(f"{demo.url}/#/runs/{run}")
    page.get_by_role("tab", name=re.compile("^Errors")).click()
    expect(page.get_by_role("main")).to_contain_text(re.compile("QUOTA_EXHAUSTED|AGENT_FAILED"))


def test_the_events_of_a_run_are_shown_raw(demo: Demo, open_page: OpenPage) -> None:
    page = open_page(demo, f"#/runs/{last_run(demo, 'researcher')}").page
    page.get_by_role("tab", name=re.compile("^Events")).click()
    for kind in ("run_start", "tool_call", "complete"):
        expect(page.get_by_role("main").get_by_text(kind).first).to_be_visible()


def test_a_live_run_is_followed_and_cancelled(demo: Demo, open_page: OpenPage) -> None:
    started = demo.client().post(
        "/api/v1/agents/counter/run", {"input": "Count to 2000 every 0.05", "background": True}
    )
    assert started.status == 202, started.text
    run = started.json["run_id"]
    page = open_page(demo, f"#/runs/{run}").page
    main = page.get_by_role("main")
    expect(main).to_contain_text(re.compile("running", re.I))
    page.get_by_role("tab", name=re.compile("^Events")).click()
    expect(main.get_by_text("token").first).to_be_visible()
    main.get_by_role("button", name="Cancel run").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel run").click()
    expect(main).to_contain_text(re.compile("cancelled", re.I))
    assert demo.client().get(f"/api/v1/runs/{run}").json["status"] == "cancelled"


def test_live_runs_come_into_the_list_by_themselves(demo: Demo, open_page: OpenPage) -> None:
    page = open_page(demo, "#/runs").page
    main = page.get_by_role("main")
    expect(main.get_by_role("row").nth(1)).to_be_visible()
    run = demo.client().post("/api/v1/agents/counter/run", {"input": "Count to 100 every 0.05", "background": True})
    link = page.locator(f"a[href='#/runs/{run.json['run_id']}']")
    expect(link.first).to_be_visible(timeout=30_000)
    row = main.get_by_role("row").filter(has=link)
    expect(row).to_contain_text(re.compile("completed", re.I), timeout=40_000)


def test_decisions_of_a_run_are_shown(demo: Demo, open_page: OpenPage) -> None:
    client = demo.client()
    run = client.run("clerk", "Please refund 77 euros").json
    client.post(
        f"/api/v1/runs/{run['run_id']}/resume",
        {"answers": [{"id": run["pending"][0]["id"], "decision": "reject", "message": "Not this week."}]},
    )
    page = open_page(demo, f"#/runs/{run['run_id']}").page
    page.get_by_role("tab", name=re.compile("^Decisions")).click()
    expect(page.get_by_role("main")).to_contain_text("Not this week.")
    expect(page.get_by_role("main")).to_contain_text(re.compile("reject", re.I))
