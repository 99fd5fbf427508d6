"""What followers see of a run that pauses and is resumed, at each worker and from each place in its log."""

import threading
import time
from collections.abc import Iterator

import pytest
import requests

from parts.client import Client, Event
from parts.pair import Pair
from parts.shop import LOOK_AND_PAY, Shop, asking, log_of, paused, resume, start

TURNS = [
    {"say": "Let me see. ", "calls": LOOK_AND_PAY[0]},
    {"say": "And now. ", "calls": [["order", {"what": "bread"}]]},
    {"say": "Done: $results " + "word " * 10, "pause": 0.05},
]


class Follower(threading.Thread):
    """Reads a stream beside the test; ``bytes`` is all of it but for heartbeats."""

    def __init__(self, client: Client, run_id: str, after: int, query: str = "") -> None:
        super().__init__(daemon=True)
        self._address = f"{client.url}/api/v1/runs/{run_id}/events{query}"
        self._headers = {"Last-Event-ID": str(after)} if after else {}
        self.after = after
        self.status = 0
        self.bytes = b""
        self.start()

    def run(self) -> None:
        with requests.get(self._address, headers=self._headers, stream=True, timeout=60) as response:
            self.status = response.status_code
            for piece in response.iter_content(None):
                self.bytes += piece
        self.bytes = frames(self.bytes)

    def wait(self) -> bytes:
        self.join(60)
        assert not self.is_alive()
        return self.bytes


def frames(stream: bytes) -> bytes:
    """Return a stream without its comments and its time to reconnect."""
    pieces = [one for one in stream.split(b"\n\n") if one and not one.startswith((b":", b"retry:"))]
    return b"".join(piece + b"\n\n" for piece in pieces)


def number_of(stream: bytes) -> int:
    """Return the number of the last event of a stream."""
    last = [line for line in stream.splitlines() if line.startswith(b"id: ")][-1]
    return int(last.removeprefix(b"id: "))


def open_all(pair: Pair, run_id: str, count: int) -> list[Follower]:
    """Begin a follower at both workers after each of the first ``count`` events, and before them."""
    return [Follower(client, run_id, after) for client in (pair.here, pair.there) for after in range(count + 1)]


def test_each_worker_streams_the_same_bytes_from_each_place_through_two_pauses(open_shop: tuple[Shop, Pair]) -> None:
    _, pair = open_shop
    run_id = start(pair.here, TURNS)
    parts: list[tuple[int, bytes]] = []  # how many events there were before a pause, and the whole log up to it
    waiting: list[Follower] = []
    for _ in range(2):
        run = pair.here.ended(run_id)
        assert run["status"] == "paused"
        whole = Follower(pair.there, run_id, 0).wait()
        count = number_of(whole)
        # One that misses something gets it and ends at the pause; one that misses nothing waits.
        for follower in open_all(pair, run_id, count):
            if follower.after < count:
                assert follower.wait() == rest(whole, follower.after)
            else:
                waiting.append(follower)
        time.sleep(0.5)
        assert all(follower.is_alive() for follower in waiting[-2:])
        parts.append((count, whole))
        resume(pair.there, run)
    pair.here.ended(run_id)

    log = Follower(pair.here, run_id, 0).wait()
    assert log.count(b"event: paused\n") == log.count(b"event: resumed\n") == 2
    for count, whole in parts:
        assert log.startswith(whole)
        assert rest(log, count).startswith(b"id: %d\nevent: resumed\n" % (count + 1))
    # Those that waited at the first pause ended at the second; the others had the run's end.
    ends = [parts[1][1], log]
    for follower, end in zip(waiting, [ends[0], ends[0], ends[1], ends[1]], strict=True):
        assert follower.wait() == rest(end, follower.after)
    # After the end, everybody can have everything from everywhere.
    for follower in open_all(pair, run_id, number_of(log) - 1):
        assert follower.wait() == rest(log, follower.after)
    assert [Follower(one, run_id, number_of(log)).wait() for one in (pair.here, pair.there)] == [b"", b""]
    log_of(pair.here, run_id)


def rest(stream: bytes, after: int) -> bytes:
    """Return a stream behind its event number ``after``."""
    if after == 0:
        return stream
    pieces = stream.split(b"\n\n")
    (place,) = [n for n, piece in enumerate(pieces) if piece.startswith(b"id: %d\n" % after)]
    return b"\n\n".join(pieces[place + 1 :])


@pytest.mark.parametrize("resumed_by", ["same worker", "other worker"])
@pytest.mark.parametrize("begun_by", ["stream", "background"])
def test_a_follower_at_the_other_worker_continues_when_the_run_does(
    open_shop: tuple[Shop, Pair], begun_by: str, resumed_by: str
) -> None:
    _, pair = open_shop
    if begun_by == "stream":
        seen = list(pair.here.stream("/agents/shop/run/stream", asking(TURNS)))
        run_id = seen[0].run_id
    else:
        run_id = start(pair.here, TURNS)
        seen = list(pair.there.follow(run_id))
    answering = pair.here if resumed_by == "same worker" else pair.there
    for _ in range(2):
        assert seen[-1].type == "paused"
        streams = [client.follow(run_id, after=seen[-1].id) for client in (pair.there, pair.here)]
        others: list[list[Event]] = [[], []]
        threads = [threading.Thread(target=read, args=one, daemon=True) for one in zip(streams, others, strict=True)]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        resume(answering, pair.here.get(f"/runs/{run_id}"))
        for thread in threads:
            thread.join(30)
        assert others[0] == others[1]
        assert others[0][0].type == "resumed"
        seen += others[0]
    assert seen == log_of(pair.there, run_id)
    assert seen[-1].data["output"] == ("Done: found shoes | paid 5 to ann | ordered large bread " + "word " * 10)


def read(stream: Iterator[Event], events: list[Event]) -> None:
    for event in stream:
        events.append(event)


def test_a_filter_never_hides_that_a_run_pauses_and_goes_on(open_shop: tuple[Shop, Pair]) -> None:
    _, pair = open_shop
    run = paused(pair.here, TURNS)
    stream = list(pair.there.follow(run["run_id"], query="?types=token"))
    assert {event.type for event in stream} == {"token", "paused"}
    resume(pair.there, run)
    resume(pair.here, pair.here.ended(run["run_id"]))
    pair.here.ended(run["run_id"])
    types = [event.type for event in pair.there.follow(run["run_id"], query="?types=reasoning")]
    assert types == ["paused", "resumed", "paused", "resumed", "complete"]


def test_a_client_that_leaves_with_its_run_does_not_end_it_after_the_pause(open_shop: tuple[Shop, Pair]) -> None:
    _, pair = open_shop
    body = asking(LOOK_AND_PAY, on_disconnect="cancel")
    *_, last = pair.here.stream("/agents/shop/run/stream", body)
    assert last.type == "paused"
    time.sleep(1)
    run = pair.there.get(f"/runs/{last.run_id}")
    assert run["status"] == "paused"
    resume(pair.there, run)
    assert pair.here.ended(last.run_id)["status"] == "completed"
