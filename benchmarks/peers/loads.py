"""What is measured: the same two loads on every server, turn by turn."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks import processes
from benchmarks.load import Load
from benchmarks.measure import process_tree
from benchmarks.peers.apis import Api
from benchmarks.peers.catalogue import HISTORY
from benchmarks.processes import Served
from benchmarks.stub import TEXT

RUNS, STREAMS = "burst-10", "paced-20ms-100"
SESSIONS, ROUNDS = 16, 5
"""Sessions that are talked in at once, and the turns that are measured after those behind each."""

TOGETHER, TOKENS = 100, 100
STAGGER = 0.0202
"""Seconds between the beginnings of two streams; not 20 ms, or all their tokens would come in the same moment."""


@dataclass(frozen=True)
class Contestant:
    """A running server and how it is asked."""

    title: str
    api: Api
    served: Served

    def sessions(self) -> dict[str, Any]:
        """Return what the load program saw of runs in new sessions, each of which has a history by then."""
        asked = self._asked(self.api.run, RUNS, SESSIONS)
        load = Load(**asked, connections=SESSIONS, text=TEXT * 10)
        self._put(load, HISTORY)
        return self._put(load, ROUNDS)

    def streams(self, together: int = TOGETHER) -> dict[str, Any]:
        """Return what it saw of streams that begin one after the other, each in a new session."""
        asked = self._asked(self.api.stream, STREAMS, together)
        load = Load(**asked, connections=together, stagger=STAGGER, expect="text", tokens=TOKENS, text=f'"{TEXT}"')
        return self._put(load, 1)

    def _asked(self, ask: Any, agent: str, sessions: int) -> dict[str, Any]:
        made = [self.api.session(self.served.url, agent) for _ in range(sessions)]
        paths, bodies = zip(*(ask(agent, session) for session in made), strict=True)
        return {"address": self.served.url, "paths": paths, "bodies": bodies, "content_type": self.api.content_type}

    def _put(self, load: Load, rounds: int) -> dict[str, Any]:
        """Put a load on; what goes wrong is a part of what is seen."""
        load.rounds, load.watch = rounds, process_tree(self.served.pids[0])
        return processes.put(load)


@dataclass(frozen=True)
class Turn:
    """One repetition of one server: what the load program saw of its runs and of its streams."""

    runs: Mapping[str, Any]
    streams: Mapping[str, Any]

    @property
    def run_us(self) -> float:
        """CPU microseconds per run that was answered."""
        return _each(self.runs["cpu"], self.runs["whole"])

    @property
    def token_us(self) -> float:
        """CPU microseconds per token that arrived."""
        return _each(self.streams["cpu"], self.streams["tokens"])

    @property
    def first_ms(self) -> float:
        """The 99th percentile of the time to the first token, of those streams that had one."""
        return _known(self.streams["first_token"]["p99"]) * 1e3

    @property
    def stream_s(self) -> float:
        """The median of how long a stream took, however it ended."""
        return _known(self.streams["latency"]["p50"])

    @property
    def first_errors(self) -> list[str]:
        """Some of what went wrong."""
        return [*self.runs["first_errors"], *self.streams["first_errors"]]


def in_turns(contestants: Mapping[str, Contestant], repetitions: int) -> dict[str, list[Turn]]:
    """Measure the servers one after the other, over and over, every second time in the opposite order."""
    for one in contestants.values():
        one.streams(10)  # not kept: the first of all are slower
    seen: dict[str, list[Turn]] = {name: [] for name in contestants}
    for turn in range(repetitions):
        for name in list(contestants)[:: 1 if turn % 2 == 0 else -1]:
            seen[name].append(Turn(contestants[name].sessions(), contestants[name].streams()))
    return seen


def _each(cpu: float, count: int) -> float:
    return cpu / count * 1e6 if count else math.nan


def _known(value: float | None) -> float:
    """Return a percentile; JSON has no number for that of nothing."""
    return math.nan if value is None else value
