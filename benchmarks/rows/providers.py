"""Agents with models of the Messages API against agents with models of Chat Completions: CPU per token, as a ratio."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.load import Load
from benchmarks.measure import Spread
from benchmarks.rows.common import INPUT, Bench, Row, cost, in_turns
from benchmarks.rows.ratios import BURST, PACED, Seen, seen_details

MOST = 1.1


def providers(bench: Bench) -> list[Row]:
    """Measure streams of the same text, which the same stub says in both forms."""
    paced = Load(address="", paths=[PACED], bodies=[INPUT], connections=100, stagger=0.0202, tokens=100)
    burst = Load(address="", paths=[BURST], bodies=[INPUT], connections=100, tokens=1000)
    rows = []
    for key, load, pace in (
        ("paced", paced, "tokens 20 ms apart, 100 at once"),
        ("burst", burst, "1000 tokens at once"),
    ):
        chat = replace(load, expect="run", rounds=2)
        messages = replace(chat, paths=[_with_messages(bench, chat.paths[0])])
        seen = in_turns([bench.load_of(messages), bench.load_of(chat)], bench.repetitions)
        rows.append(_row(f"providers-{key}", pace, *seen))
    return rows


def _with_messages(bench: Bench, path: str) -> str:
    """Register an agent with the same model behind the other provider; return its path."""
    model, _, kind = path.removeprefix("/api/v1/agents/").partition("/")
    bench.server.post("/agents", {"id": f"messages-{model}", "model": f"anthropic:{model}"})
    return f"/api/v1/agents/messages-{model}/{kind}"


def _row(key: str, pace: str, messages: Seen, chat: Seen) -> Row:
    ratio = Spread.ratio(cost(messages, "tokens"), cost(chat, "tokens"))
    mine, theirs = Spread.of(cost(messages, "tokens")).median, Spread.of(cost(chat, "tokens")).median
    return Row(
        key,
        f"`/run/stream` with a model of the Messages API, {pace}",
        f"≤ {MOST} × the CPU per token with one of Chat Completions",
        f"{ratio.text()} ×; {mine:.1f} µs to {theirs:.1f} µs",
        ratio.median <= MOST,
        {
            "ratio": ratio.as_json(),
            "messages": seen_details(messages, "tokens"),
            "chat": seen_details(chat, "tokens"),
        },
    )
