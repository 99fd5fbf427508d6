"""Fills a server of the demo, by its API, with what views need to show something."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from agentos_testing import HttpClient

TITLES = (
    "Rolling out version 2.1", "Days until the fair", "Rain in Oslo", "Broken headphones of order A-1042",
    "Room for Monday", "Why the nightly job failed", "Names for the new cat", "Translate the release notes",
)  # fmt: skip

STORED: Mapping[str, Any] = {
    "id": "editor",
    "name": "Editor",
    "description": "Makes texts shorter.",
    "model": "demo:guide",
    "instructions": "You make texts shorter.",
    "tools": ["weather"],
}


CHANGES: Sequence[Mapping[str, Any]] = (
    {"instructions": "You make texts shorter.\nKeep names and numbers.", "comment": "Numbers were lost"},
    {
        "instructions": "You make texts shorter.\nKeep names and numbers.\nNo passive voice.",
        "tools": ["weather", "divide"],
        "parameters": {"temperature": 0.2},
        "comment": "Clearer sentences",
    },
)
"""What the later versions of the stored agent change."""

ASKED = (
    ("guide", "How do I roll out version 2.1?", "Rolling out version 2.1"),
    ("thinker", "How many days are between 12 March and 4 May?", "Days until the fair"),
    ("researcher", "Research Oslo", "Rain in Oslo"),
    ("flaky", "How do I roll out version 2.1?", "Why the nightly job failed"),
    ("broken", "Fail credit", "The account has no credit"),
    ("broken", "Fail bug", None),
    ("clerk", "Please refund 500 euros for my broken headphones.", "Broken headphones of order A-1042"),
    ("strict-clerk", "Please refund 500 euros, order A-1042.", None),
    ("desk", "Book a room for six on Monday.", "Room for Monday"),
)
"""What is asked: the agent, the text, and the title of the session, if there is one."""


def seed(client: HttpClient) -> None:
    """Make sessions, finished, failed and waiting runs, and an agent with three versions."""
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda asked: _ask(client, *asked), ASKED))
    versions(client)


def versions(client: HttpClient) -> None:
    """Make the stored agent with three versions, unless it is there."""
    if client.post("/api/v1/agents", STORED).status != 201:
        return
    for change in CHANGES:
        body = {name: value for name, value in STORED.items() if name != "id"}
        answer = client.request("PUT", "/api/v1/agents/editor", {**body, **change})
        assert answer.status == 200, answer.text


def many_sessions(client: HttpClient, count: int) -> None:
    """Make so many sessions, with titles that repeat and a number."""

    def make(number: int) -> None:
        title = f"{TITLES[number % len(TITLES)]} {number}"
        answer = client.post("/api/v1/sessions", {"agent_id": "guide", "name": title})
        assert answer.status == 201, answer.text

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(make, range(1, count + 1)))


def _ask(client: HttpClient, agent: str, text: str, title: str | None) -> None:
    session = {}
    if title is not None:
        answer = client.post("/api/v1/sessions", {"agent_id": agent, "name": title})
        assert answer.status == 201, answer.text
        session = {"session_id": answer.json["session_id"]}
    client.run(agent, text, **session)
