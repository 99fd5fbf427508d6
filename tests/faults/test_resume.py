"""Clients that lose their connection, and come back to whichever worker."""

import time
from itertools import cycle, islice

import pytest

from parts.client import Client, Event, tokens_of
from parts.pair import Pair

WORDS = "".join(f"word{number} " for number in range(45))


def test_a_client_that_reconnects_twenty_times_collects_each_event_once(pair: Pair) -> None:
    agent = pair.here.register(model="scripted:slow-45x0.06")
    stream = pair.here.stream(f"/agents/{agent}/run/stream", {"input": "go"})
    events = list(islice(stream, 2))
    stream.close()
    run_id = events[0].run_id
    connections = 1
    for client in islice(cycle((pair.there, pair.here)), 19):
        stream = client.follow(run_id, after=events[-1].id)
        events += islice(stream, 2)
        stream.close()
        connections += 1
        assert connections > 10 or client.get(f"/runs/{run_id}")["status"] == "running", "it must be under way"
    events += pair.there.follow(run_id, after=events[-1].id)

    assert connections == 20
    assert [event.id for event in events] == list(range(1, len(events) + 1))
    assert [event.type for event in events] == ["run_start", *(["token"] * 45), "complete"]
    assert tokens_of(events) == events[-1].data["output"] == WORDS


def test_several_followers_on_both_workers_see_the_same(pair: Pair) -> None:
    agent = pair.here.register(model="scripted:slow-10x0.1")
    stream = pair.here.stream(f"/agents/{agent}/run/stream", {"input": "go"})
    first = next(stream)
    others = [client.follow(first.run_id) for client in (pair.here, pair.there, pair.there)]
    seen = [first, *stream]
    assert [list(other) for other in others] == [seen] * 3


@pytest.mark.parametrize("by", ["header", "query"])
def test_after_the_end_each_worker_replays_from_any_event_on(pair: Pair, by: str) -> None:
    agent = pair.here.register(model="scripted:slow-10x0")
    events = list(pair.here.stream(f"/agents/{agent}/run/stream", {"input": "go"}))
    run_id = events[0].run_id
    for client in (pair.here, pair.there):
        for after in (0, 1, 5, len(events) - 1, len(events)):
            assert _missed(client, run_id, after, by=by) == events[after:]


def _missed(client: Client, run_id: str, after: int, *, by: str) -> list[Event]:
    if by == "header":
        return list(client.follow(run_id, after=after))
    return list(client.follow(run_id, query=f"?after={after}"))


def test_a_follower_on_the_other_worker_is_not_far_behind(pair: Pair) -> None:
    agent = pair.here.register(model="scripted:slow-30x0.1")
    stream = pair.here.stream(f"/agents/{agent}/run/stream", {"input": "go"})
    other = pair.there.follow(next(stream).run_id)
    behind = []
    for event in islice(stream, 20):
        now = time.monotonic()
        while next(other).id < event.id:
            pass
        behind.append(time.monotonic() - now)
    assert max(behind) < 1.5, "it sees no more than what is left after the end"
    stream.close()
    other.close()
