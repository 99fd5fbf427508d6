"""PEERS.md: the servers beside each other, and what was configured."""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measure import Spread, machine
from benchmarks.peers.catalogue import HISTORY, Peer
from benchmarks.peers.loads import ROUNDS, SESSIONS, TOGETHER, TOKENS, Turn

FILE = Path(__file__).parent.parent / "PEERS.md"

HEAD = f"""\
# Beside other servers

Written by `make bench-peers`. Every server is asked for the same, of the same stub model, by the same load program, on
the same core of the same machine; they take turns, while one is at work the others idle, and a ratio is taken turn by
turn. A figure is the median over the repetitions, with the lowest and the highest in parentheses.

- **A run in a session**: {SESSIONS} sessions at once, {HISTORY} turns behind each, {ROUNDS} more in each; the
  answer is one document.
- **A streamed token**: {TOGETHER} streams at once, which begin one after the other, of {TOKENS} tokens each, 20 ms
  apart; each stream is in a new session. What a run costs anyway is in it. A server that needs more than 200 µs a token
  cannot keep up with 5000 a second: its streams take longer than the model's 2 s, and what has come meanwhile is read
  at once, so that a token costs it less than one that comes alone.
- **CPU** is user and system time of the server's processes; it has one worker. A run counts if the model's words are in
  its answer, a stream has finished if each of its tokens arrived, and the cost is divided by what arrived.
- Each server has the smallest agent: no tools, no instructions, the stub model through its OpenAI-compatible provider.
- LiteLLM's proxy has no agents and no sessions. It is asked in OpenAI's protocol, where the client sends the {HISTORY}
  turns with each request, and so is AgentOS in the row **AgentOS as a model**: its ratios are to that row.
- For a run that is not streamed AgentOS asks the model for a stream all the same, the others for one document.

"""

ELSEWHERE = (Path(__file__).parent / "agno-go.md").read_text("utf-8")
"""What was measured once by hand."""

COLUMNS = (
    "server",
    "CPU per run in a session",
    "to AgentOS",
    "CPU per streamed token",
    "to AgentOS",
    "time to first token, p99",
    "a stream of 2 s takes",
    "streams finished",
    "runs answered",
)


def table(
    titles: Mapping[str, str],
    seen: Mapping[str, Sequence[Turn]],
    missing: Mapping[str, str],
    beside: Mapping[str, str] | None = None,
) -> str:
    """Return a row for each server; the ratios are to the one that ``beside`` names, or else to ``agentos``."""
    rows = [COLUMNS, ("---", *["--:"] * (len(COLUMNS) - 1))]
    to = {name: seen[(beside or {}).get(name, "agentos")] for name in seen}
    rows += [(titles[name], *_figures(turns, to[name])) for name, turns in seen.items()]
    rows += [(titles[name], why, *[""] * (len(COLUMNS) - 2)) for name, why in missing.items()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _figures(turns: Sequence[Turn], ours: Sequence[Turn]) -> list[str]:
    runs, tokens = [one.run_us / 1e3 for one in turns], [one.token_us for one in turns]
    return [
        _text(runs, 2, " ms"),
        _text([one / our.run_us * 1e3 for one, our in zip(runs, ours, strict=True)], 1, " ×"),
        _text(tokens, 0, " µs"),
        _text([one / our.token_us for one, our in zip(tokens, ours, strict=True)], 1, " ×"),
        _text([one.first_ms for one in turns], 0, " ms"),
        _text([one.stream_s for one in turns], 1, " s"),
        f"{sum(one.streams['whole'] for one in turns)} of {TOGETHER * len(turns)}",
        f"{sum(one.runs['whole'] for one in turns)} of {SESSIONS * ROUNDS * len(turns)}",
    ]


def _text(values: Sequence[float], digits: int, unit: str) -> str:
    known = [one for one in values if not math.isnan(one)]
    return Spread.of(known).text(digits) + unit if known else "none"


def errors(titles: Mapping[str, str], seen: Mapping[str, Sequence[Turn]]) -> str:
    """Return what went wrong with whom, each kind once."""
    lines = []
    for name, turns in seen.items():
        count = sum(one.runs["errors"] + one.streams["errors"] for one in turns)
        lost = sum(one.runs["lost"] + one.streams["lost"] for one in turns)
        if count or lost:
            said = "; ".join(sorted({f"`{error[:120]}`" for one in turns for error in one.first_errors}))
            lines.append(f"- {titles[name]}: {count} errors, {lost} tokens lost or doubled. {said}")
    return "\n".join(lines or ["None."])


def document(
    peers: Mapping[str, Peer],
    seen: Mapping[str, Sequence[Turn]],
    missing: Mapping[str, str],
    versions: Mapping[str, Mapping[str, str]],
) -> str:
    """Return the whole of PEERS.md."""
    titles = {name: peer.title for name, peer in peers.items()}
    beside = {name: peer.beside for name, peer in peers.items()}
    about = {"date": datetime.now(UTC).date().isoformat(), **machine(), "python": platform.python_version()}
    about["repetitions"] = str(len(seen["agentos"]))
    configured = "\n".join(
        f"| {peer.title} | {', '.join(f'{package} {one}' for package, one in versions.get(name, {}).items())} "
        f"| {peer.configured} |"
        for name, peer in peers.items()
    )
    where = "\n".join(f"| {name} | {value} |" for name, value in about.items())
    return (
        f"{HEAD}{table(titles, seen, missing, beside)}\n\n## Errors\n\n{errors(titles, seen)}\n\n"
        f"{ELSEWHERE}"
        f"## What was configured\n\n| server | versions | how it is served |\n|---|---|---|\n{configured}\n\n"
        f"## Where\n\n| | |\n|---|---|\n{where}\n"
    )
