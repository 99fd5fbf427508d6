"""Doors for the clients of other protocols against our own API, on the same server: CPU per unit, as a ratio."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from benchmarks.answers import Kind
from benchmarks.load import Load
from benchmarks.measure import Spread
from benchmarks.rows.common import INPUT, Bench, Row, cost, in_turns
from benchmarks.rows.ratios import BURST, PACED, RUN, Seen, seen_details
from benchmarks.stub import TEXT

MOST = 1.15

MOST_TOKENS = 10_000
"""What a message may have at most: more than the model here ever says."""

QUESTION: str = json.loads(INPUT)["input"]


def chat_load(own: Load) -> Load:
    """Return a load on our own API as clients of Chat Completions ask for the same."""
    body = {"model": _agent(own), "messages": [{"role": "user", "content": QUESTION}], "stream": _streams(own)}
    expect: Kind = "lines" if _streams(own) else "document"
    return replace(own, paths=["/v1/chat/completions"], bodies=[json.dumps(body)], expect=expect, text=TEXT)


def responses_load(own: Load) -> Load:
    """Return a load on our own API as clients of Responses ask for the same."""
    body = {"model": _agent(own), "input": QUESTION, "stream": _streams(own)}
    expect: Kind = "text" if _streams(own) else "document"
    text = f'"delta":"{TEXT}"' if _streams(own) else TEXT
    return replace(own, paths=["/v1/responses"], bodies=[json.dumps(body)], expect=expect, text=text)


def messages_load(own: Load) -> Load:
    """Return a load on our own API as clients of the Messages API ask for the same."""
    messages = [{"role": "user", "content": QUESTION}]
    body = {"model": _agent(own), "max_tokens": MOST_TOKENS, "messages": messages, "stream": _streams(own)}
    expect: Kind = "text" if _streams(own) else "document"
    text = f'"text":"{TEXT}"' if _streams(own) else TEXT
    return replace(own, paths=["/v1/messages"], bodies=[json.dumps(body)], expect=expect, text=text)


def doors(bench: Bench) -> list[Row]:
    """Measure the protocols of OpenAI and Anthropic against our own."""
    run = Load(address="", paths=[RUN], bodies=[INPUT], connections=16, rounds=15 if bench.quick else 60)
    ours, chat = _measured(bench, run, chat_load(run))
    rows = [_row("chat", "a chat completion", "`/run`", "request", chat, ours)]
    if bench.quick:
        return rows
    ours, messages = _measured(bench, run, messages_load(run))
    rows.append(_row("messages", "a message", "`/run`", "request", messages, ours))
    paced = Load(address="", paths=[PACED], bodies=[INPUT], connections=100, stagger=0.0202, tokens=100)
    burst = Load(address="", paths=[BURST], bodies=[INPUT], connections=100, tokens=1000)
    for key, load, pace in (
        ("paced", paced, "tokens 20 ms apart, 100 at once"),
        ("burst", burst, "1000 tokens at once"),
    ):
        load.expect, load.rounds = "run", 2
        loads = (chat_load(load), responses_load(load), messages_load(load))
        ours, chat, responses, messages = _measured(bench, load, *loads)
        rows.append(_row(f"chat-{key}", f"a streamed chat completion, {pace}", "`/run/stream`", "token", chat, ours))
        rows.append(_row(f"responses-{key}", f"a streamed response, {pace}", "`/run/stream`", "token", responses, ours))
        rows.append(_row(f"messages-{key}", f"a streamed message, {pace}", "`/run/stream`", "token", messages, ours))
    return rows


def _measured(bench: Bench, *loads: Load) -> list[Seen]:
    return in_turns([bench.load_of(load) for load in loads], bench.repetitions)


def _row(key: str, work: str, own: str, unit: str, door: Seen, ours: Seen) -> Row:
    units = f"{unit}s"
    ratio = Spread.ratio(cost(door, units), cost(ours, units))
    digits = 0 if unit == "request" else 1
    of_door, of_ours = Spread.of(cost(door, units)).median, Spread.of(cost(ours, units)).median
    measured = f"{ratio.text()} ×; {of_door:.{digits}f} µs to {of_ours:.{digits}f} µs"
    details: dict[str, Any] = {
        "ratio": ratio.as_json(),
        "door": seen_details(door, units),
        "own": seen_details(ours, units),
    }
    return Row(key, work, f"≤ {MOST} × the CPU per {unit} of our own {own}", measured, ratio.median <= MOST, details)


def _agent(own: Load) -> str:
    return own.paths[0].removeprefix("/api/v1/agents/").partition("/")[0]


def _streams(own: Load) -> bool:
    return own.paths[0].endswith("/run/stream")
