"""The plugins of the how-to pages do what the pages say."""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agentos import Agent, Answer, hookimpl
from agentos.models.scripted import call
from agentos.testing import run_agent
from parts.waiting import until

PAGES = Path(__file__).parents[2] / "docs" / "how-to"


def read(name: str) -> SimpleNamespace:
    """Execute the code of a page."""
    namespace: dict[str, Any] = {}
    for block in (PAGES / name).read_text("utf-8").split("```python\n")[1:]:
        exec(block.split("```")[0], namespace)
    return SimpleNamespace(**namespace)


@pytest.fixture
def page() -> SimpleNamespace:
    return read("decide-and-observe.md")


def test_the_office_keeps_budgets_keeps_secrets_and_counts(serve, page) -> None:
    office = page.Office()
    served = serve(plugins={"office": office})
    served.services.start()
    assert served.run("Hi").status_code == 200
    assert [one.content for one in served.provider.requests[0].messages] == ["You speak with anonymous.", "Hi"]
    denied = served.run("this is internal only")
    assert (denied.status_code, denied.json["message"]) == (422, "this text must not leave the house")
    until(lambda: office.finished == 1)
    office.used["anonymous"] = page.LIMIT
    refused = served.run("Hi")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "3600")
    served.services.close()
    assert not office.thread.is_alive()


@pytest.fixture
def approvals(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    # The last block imports the first one, which readers have saved.
    bank: dict[str, Any] = {}
    exec((PAGES / "approvals.md").read_text("utf-8").split("```python\n")[1].split("```")[0], bank)
    monkeypatch.setitem(sys.modules, "bank", SimpleNamespace(clerk=bank["clerk"]))
    return read("approvals.md")


def test_a_clerk_transfers_and_closes_after_an_approval(approvals: SimpleNamespace) -> None:
    page = approvals
    page.test_a_transfer_waits_for_its_approval()
    calls = [
        call("close_account", '{"number": "7"}', id="1"),
        call("transfer", '{"amount": 1000000, "to": "Ada"}', id="2", index=1),
    ]
    waiting = run_agent(page.clerk, "Go", turns=[calls, "ok"], plugins={"policy": page.Policy()})
    assert [(one.message, one.approver) for one in waiting.pending] == [
        (None, "owner"),
        ("a million needs a second person", "other"),
    ]


def test_a_large_invoice_waits_for_another_person_and_a_small_one_for_nobody(approvals: SimpleNamespace) -> None:
    def pay(amount: int) -> list[str]:
        turns = [[call("pay_invoice", f'{{"number": "7", "amount": {amount}}}')], "ok"]
        return [one.approver for one in run_agent(approvals.clerk, "Go", turns=turns).pending]

    assert (pay(100), pay(101)) == ([], ["other"])


def test_a_book_is_ordered_in_the_binding_that_was_asked_for(approvals: SimpleNamespace) -> None:
    agent = Agent(id="shop", model="openai:gpt-5-mini", tools=[approvals.book])
    run = run_agent(
        agent,
        "Emma",
        turns=[[call("book", '{"title": "Emma"}')], "ok"],
        answers={"book": Answer(output="linen")},
    )
    assert run.tool_calls[0].result == "Emma is ordered in linen"


def test_the_report_is_written_for_its_owner(serve, page) -> None:
    office = page.Office()
    served = serve(plugins={"office": office}, model="scripted:echo")
    served.services.start()
    assert page.daily_report(office.server) == "Write the daily report."
    assert served.client.get("/api/v1/runs").json["runs"] == [], "it is another owner's"


def test_the_end_of_a_run_is_posted_until_the_address_takes_it(serve) -> None:
    received: list[Any] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(503 if len(received) == 1 else 204)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        hook = read("jobs.md").EndedHook(f"http://127.0.0.1:{server.server_port}/")
        served = serve(plugins={"ended-hook": hook})
        served.services.start()
        run_id = served.run("Hi").json["run_id"]
        until(lambda: len(received) == 2)
        until(lambda: served.services.records.get("ended-hook", run_id, owner="anonymous") is None)
        server.shutdown()
    assert received == [{"run_id": run_id, "status": "completed"}] * 2


def test_an_owner_may_do_only_so_much_a_day(serve) -> None:
    page, records = read("jobs.md"), serve().services.records
    assert [page.take_one(records, "acme", 2) for _ in range(3)] == [True, True, False]
    assert page.take_one(records, "other", 2)


def test_the_shelf_has_a_tool_for_each_file(serve, tmp_path: Path) -> None:
    page = read("tool-sources.md")
    (tmp_path / "opening-hours.txt").write_text("9 to 5")
    plugin = SimpleNamespace(
        register_tool_sources=hookimpl(lambda register: register("shelf", page.Shelf(tmp_path))),
    )
    turns = ([call("shelf_opening-hours")], "We open at 9.")
    served = serve(*turns, tools=page.agent.tools, plugins={"shelf": plugin})
    assert served.run("When do you open?").json["content"] == "We open at 9."
    assert served.provider.requests[-1].messages[-1].content == "9 to 5"
    (tool,) = served.client.get("/api/v1/tools").json["tools"]
    assert tool["name"] == "shelf/opening-hours"
