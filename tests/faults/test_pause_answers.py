"""Many answers at once, and what was approved against what would run."""

import threading
from collections.abc import Callable, Sequence
from itertools import cycle
from typing import Any

import pytest
import requests

from parts.client import Client
from parts.pair import Pair
from parts.shop import BOUGHT, Shop, answers_to, log_of, paused, resume

MANY = 20
REFUSED = "was not called: its arguments or its schema are not what was"


def at_once(clients: Sequence[Client], bodies: Sequence[Any], run_id: str) -> list[requests.Response]:
    """Send all bodies at the same moment, each to the next of the clients; return the responses in that order."""
    begun = threading.Barrier(len(bodies), timeout=30)
    responses: list[requests.Response | None] = [None] * len(bodies)

    def send(number: int, client: Client) -> None:
        begun.wait()
        responses[number] = client.request("POST", f"/runs/{run_id}/resume", bodies[number])

    threads = [threading.Thread(target=send, args=one) for one in zip(range(len(bodies)), cycle(clients), strict=False)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return [response for response in responses if response is not None]


def test_twenty_equal_answers_at_once_resume_it_once(open_shop: tuple[Shop, Pair]) -> None:
    shop, pair = open_shop
    run = paused(pair.here)
    responses = at_once([pair.here, pair.there], [answers_to(run)] * MANY, run["run_id"])
    accepted = [response.status_code for response in responses]
    # Those that come after the end of the run learn that it has ended.
    assert set(accepted) <= {202, 409}
    assert accepted.count(202) >= 1
    assert {response.json()["code"] for response in responses if response.status_code == 409} <= {"RUN_FINISHED"}

    assert pair.there.ended(run["run_id"])["content"] == BOUGHT
    assert [call["tool"] for call in shop.calls(run["run_id"])] == ["look_up", "pay"]
    types = [event.type for event in log_of(pair.here, run["run_id"])]
    assert types.count("resumed") == 1


def test_of_twenty_different_answers_at_once_one_counts(open_shop: tuple[Shop, Pair]) -> None:
    shop, pair = open_shop
    run = paused(pair.here)
    bodies = [answers_to(run, decision="approve" if n % 2 else "reject", message=f"by {n}") for n in range(MANY)]
    responses = at_once([pair.here, pair.there], bodies, run["run_id"])
    accepted = [number for number, response in enumerate(responses) if response.status_code == 202]
    assert len(accepted) == 1
    refused = {response.json()["code"] for response in responses if response.status_code != 202}
    assert refused <= {"ALREADY_ANSWERED", "RUN_FINISHED"}

    content = pair.there.ended(run["run_id"])["content"]
    approved = accepted[0] % 2 == 1
    assert len(shop.calls(run["run_id"], "pay")) == approved
    assert (content == BOUGHT) == approved
    assert (f"by {accepted[0]}" in content) == (not approved), "the model reads the approver's message"


def test_answers_that_come_singly_from_two_workers_resume_it_with_the_last(open_shop: tuple[Shop, Pair]) -> None:
    shop, pair = open_shop
    calls = [["pay", {"amount": n, "to": "ann"}] for n in range(1, 7)]
    run = paused(pair.here, [calls, "$results"])
    whole = answers_to(run)["answers"]
    bodies = [{"answers": [one]} for one in whole for _ in range(3)]
    responses = at_once([pair.here, pair.there], bodies, run["run_id"])
    assert [response.status_code for response in responses if response.status_code not in (202, 409)] == []
    ended = pair.there.ended(run["run_id"])
    assert ended["content"] == " | ".join(f"paid {n} to ann" for n in range(1, 7))
    assert sorted(call["amount"] for call in shop.calls(run["run_id"], "pay")) == [1, 2, 3, 4, 5, 6]
    (resumed,) = [event for event in log_of(pair.here, run["run_id"]) if event.type == "resumed"]
    assert {one["id"] for one in resumed.data["answers"]} == {one["id"] for one in whole}


def test_an_answer_and_a_cancel_at_once_leave_one_end(open_shop: tuple[Shop, Pair]) -> None:
    shop, pair = open_shop
    for _ in range(5):
        run = paused(pair.here)
        threads = [
            threading.Thread(target=pair.here.request, args=("POST", f"/runs/{run['run_id']}/resume", answers_to(run))),
            threading.Thread(target=pair.there.request, args=("POST", f"/runs/{run['run_id']}/cancel")),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ended = pair.here.ended(run["run_id"])
        assert ended["status"] in ("completed", "cancelled")
        assert len(shop.calls(run["run_id"], "pay")) <= 1
        log_of(pair.there, run["run_id"])


# --- what was approved is what runs ----------------------------------------------------------------------------------

CHANGES: dict[str, Callable[[Shop, str], None]] = {
    "in the checkpoint": lambda shop, run: changed(shop, run, "run_checkpoints"),
    "in the action": lambda shop, run: changed(shop, run, "pending_actions"),
    "in both": lambda shop, run: [changed(shop, run, one) for one in ("run_checkpoints", "pending_actions")] and None,
}


def changed(shop: Shop, run_id: str, table: str) -> None:
    assert shop.database.change(table, "5151", "9999", run_id=run_id), "nothing was changed"


@pytest.mark.parametrize("where", CHANGES)
def test_a_stored_argument_that_was_changed_is_refused(open_shop: tuple[Shop, Pair], where: str) -> None:
    shop, pair = open_shop
    run = paused(pair.here, [[["pay", {"amount": 5151, "to": "ann"}]], "$results"])
    CHANGES[where](shop, run["run_id"])
    resume(pair.there, run)
    ended = pair.here.ended(run["run_id"])
    assert shop.calls(run["run_id"]) == []
    assert ended["status"] == "completed"
    assert REFUSED in ended["content"], "the model reads why"
    assert "paid" not in ended["content"]


def test_a_stored_answer_that_was_changed_is_refused(open_shop: tuple[Shop, Pair]) -> None:
    shop, pair = open_shop
    calls = [["pay", {"amount": 1, "to": "ann"}], ["pay", {"amount": 2, "to": "bob"}]]
    run = paused(pair.here, [calls, "$results"])
    first, second = answers_to(run)["answers"]
    edited = {**first, "arguments": {"amount": 4242, "to": "ann"}}
    pair.here.post(f"/runs/{run['run_id']}/resume", {"answers": [edited]})
    assert shop.database.change("pending_actions", "4242", "8888", run_id=run["run_id"]) == 1
    pair.there.post(f"/runs/{run['run_id']}/resume", {"answers": [second]})
    ended = pair.here.ended(run["run_id"])
    assert [(call["amount"], call["to"]) for call in shop.calls(run["run_id"])] == [(2, "bob")]
    assert REFUSED in ended["content"]
    assert ended["content"].endswith("paid 2 to bob")


def test_arguments_that_the_approver_changed_are_those_that_run(open_shop: tuple[Shop, Pair]) -> None:
    shop, pair = open_shop
    run = paused(pair.here, [[["pay", {"amount": 100, "to": "ann"}]], "$results"])
    resume(pair.there, run, arguments={"amount": 7, "to": "ann"})
    assert pair.here.ended(run["run_id"])["content"] == "paid 7 to ann"
    assert [call["amount"] for call in shop.calls(run["run_id"])] == [7]


def test_arguments_that_do_not_fit_are_refused_and_may_be_corrected(open_shop: tuple[Shop, Pair]) -> None:
    _, pair = open_shop
    run = paused(pair.here, [[["pay", {"amount": 100, "to": "ann"}]], "$results"])
    body = answers_to(run, arguments={"amount": "much", "to": "ann"})
    refused = pair.there.request("POST", f"/runs/{run['run_id']}/resume", body)
    assert (refused.status_code, refused.json()["code"]) == (400, "INVALID_REQUEST")
    assert "amount" in refused.text
    resume(pair.there, run)
    assert pair.here.ended(run["run_id"])["content"] == "paid 100 to ann"


@pytest.mark.parametrize("agent", ["shop", "again"])
def test_a_tool_that_has_another_schema_after_the_restart_is_not_called(shop: Shop, agent: str) -> None:
    first = shop.open()
    run = paused(Client(first.url), agent=agent)
    first.kill()
    client = Client(shop.open(SHOP_CURRENCY="1").url)
    resume(client, run)
    ended = client.ended(run["run_id"])
    assert [call["tool"] for call in shop.calls(run["run_id"])] == ["look_up"]
    assert ended["status"] == "completed"
    assert ended["content"].startswith("found shoes | ")
    assert REFUSED in ended["content"], "the model reads why"
