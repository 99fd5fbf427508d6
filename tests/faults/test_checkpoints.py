"""Runs that another worker continues after the last step that had ended."""

import os
import signal
import threading
import time
from collections.abc import Callable
from itertools import pairwise

import pytest

from faults.conftest import visible_within
from faults.test_killed_workers import read_until_cut
from parts.client import Client, Event
from parts.server import AgentOSServer
from parts.shop import Shop, asking, log_of
from parts.soak import full

VISIBLE = visible_within(1.0)
COMMITTED = 0.5
"""Seconds after which a step that has ended is in the database: it goes with the next commit of the event log."""
STEPS = [
    {"say": "First I look. ", "calls": [["look_up", {"what": "a"}]]},
    {"say": "Then again. ", "calls": [["look_up", {"what": "b"}], ["look_up", {"what": "b2"}]]},
    {"say": "And once more. ", "calls": [["look_up", {"what": "c"}]]},
    {"say": "It is $results " + "word " * 20, "pause": 0.1},
]
OUTPUT = "It is found a | found b | found b2 | found c " + "word " * 20


def in_the_third_step(shop: Shop, run_id: str, client: Client) -> bool:
    return len(shop.calls(run_id)) == 4


def in_the_answer(shop: Shop, run_id: str, client: Client) -> bool:
    stream = client.follow(run_id)
    said = 0
    for event in stream:
        said += event.type == "token"
        if said == 20:
            stream.close()
            return True
    raise AssertionError("it ended before it was killed")


@pytest.mark.parametrize("round", range(full(1, 5)))
@pytest.mark.parametrize(("moment", "kept"), [(in_the_third_step, 2), (in_the_answer, 3)])
def test_another_worker_continues_after_the_last_step_that_had_ended(
    shop: Shop, moment: Callable[[Shop, str, Client], bool], kept: int, round: int
) -> None:
    servers: list[AgentOSServer] = [shop.open(), shop.open()]
    here, there = (Client(server.url) for server in servers)
    session = here.session("again")
    if moment is in_the_third_step:
        shop.hold("c")
    stream = here.stream("/agents/again/run/stream", asking(STEPS, session_id=session))
    seen = [next(stream)]
    run_id = seen[0].run_id
    followed: list[Event] = []
    follower = threading.Thread(target=lambda: followed.extend(there.follow(run_id)), daemon=True)
    follower.start()
    servers[0].wait_for(lambda: moment(shop, run_id, there), what="at the moment")
    time.sleep(COMMITTED)
    os.kill(servers[0].worker_pids()[0], signal.SIGKILL)
    seen += read_until_cut(stream)
    if moment is in_the_third_step:
        shop.release("c")
    # What the client saw in the last tenth of a second may not have reached the log, and is then counted anew.
    logged = last_logged(there, run_id, seen)
    seen = seen[:logged] + list(there.follow(run_id, after=logged))

    log = log_of(there, run_id)
    assert seen == log
    follower.join(30)
    assert followed == log, "a follower at the worker that lives sees each event once"
    assert (log[-1].type, log[-1].data["output"], said_last(log)) == ("complete", OUTPUT, OUTPUT)
    began, again = (event.data for event in log if event.type == "run_start")
    assert "attempt" not in began
    assert (again["attempt"], again["kept_turns"]) == (2, kept)
    third = ["c", "c"] if moment is in_the_third_step else ["c"]
    keys = [one["key"] for one in shop.calls(run_id)]
    assert keys == ["a", "b", "b2", *third]
    check_indexes(log)
    assert there.said(session)[-1] == ("assistant", OUTPUT)
    assert log[-1].data["loops"] == 4


def last_logged(client: Client, run_id: str, seen: list[Event]) -> int:
    """Return how many of the events that were seen the log has."""
    client.ended(run_id, timeout=VISIBLE)
    log = list(client.follow(run_id))
    same = 0
    while same < min(len(seen), len(log)) and seen[same] == log[same]:
        same += 1
    return same


def said_last(log: list[Event]) -> str:
    """Return what the tokens of the last turn say together."""
    said = ""
    for event in log:
        if event.type in ("run_start", "tool_call"):
            said = ""
        elif event.type == "token":
            said += event.data["token"]
    return said


def check_indexes(log: list[Event]) -> None:
    """Tokens are counted on; after a takeover from those of the turns that were kept."""
    indexes: list[list[int]] = []
    for event in log:
        if event.type == "run_start":
            indexes.append([])
        elif event.type == "token":
            indexes[-1].append(event.data["index"])
    for counted in indexes:
        assert all(following == one + 1 for one, following in pairwise(counted))
    first, second = indexes
    assert first[0] == 0
    assert 0 < second[0] <= len(first)


def test_a_worker_that_is_lost_twice_leaves_nothing_done_twice(shop: Shop) -> None:
    turns = [[["look_up", {"what": str(n)}]] for n in range(4)]
    server, other = shop.open(), shop.open()
    client = Client(other.url)
    for key in ("1", "3"):
        shop.hold(key)
    run_id = next(Client(server.url).stream("/agents/again/run/stream", asking([*turns, "$results"]))).run_id
    for key in ("1", "3"):
        server.wait_for(lambda key=key: [call for call in shop.calls(run_id) if call["key"] == key], what="in it")
        time.sleep(COMMITTED)
        # Its worker is known from the call: another one may have taken it over.
        os.kill(shop.calls(run_id)[-1]["pid"], signal.SIGKILL)
        shop.release(key)
        server.wait_for(
            lambda key=key: len([call for call in shop.calls(run_id) if call["key"] == key]) == 2, VISIBLE, "taken over"
        )
    run = client.ended(run_id)
    assert run["content"] == "found 0 | found 1 | found 2 | found 3"
    assert [call["key"] for call in shop.calls(run_id)] == ["0", "1", "1", "2", "3", "3"]
    starts = [event.data for event in log_of(client, run_id) if event.type == "run_start"]
    assert [(one.get("attempt"), one.get("kept_turns")) for one in starts] == [(None, None), (2, 1), (3, 3)]
