"""Marks what the server should keep in its prompt cache."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentos.errors import ProviderError

PLACES = ("system", "tools", "history")
TTLS = ("5m", "1h")
UNMARKED = frozenset({"thinking", "redacted_thinking"})
"""Blocks that the API does not let be marked."""
ACCEPTED = "true, false, '5m', '1h', or an object such as {'ttl': '1h', 'places': ['system', 'tools', 'history']}"


def mark(body: dict[str, Any], wish: Any) -> None:
    """Put ``cache_control`` on the last block of each place that the agent's ``prompt_caching`` names.

    The history is marked at its end and at the end of the user's turn before that, so that a turn that was cached is
    found again. Raises :class:`~agentos.errors.ProviderError` for a wish that is none.
    """
    ttl, places = _read(wish)
    control = {"type": "ephemeral"} | ({"ttl": ttl} if ttl else {})
    for name in ("tools", "system"):
        if name in places and body.get(name):
            body[name][-1] = {**body[name][-1], "cache_control": control}
    if "history" in places:
        for turn in [turn for turn in body["messages"] if turn["role"] == "user"][-2:]:
            _mark_last(turn["content"], control)


def without_marks(value: Any) -> Any:
    """Return a part of a body without any mark."""
    if isinstance(value, list):
        return [without_marks(inner) for inner in value]
    if isinstance(value, Mapping):
        return {name: without_marks(inner) for name, inner in value.items() if name != "cache_control"}
    return value


def _mark_last(blocks: list[dict[str, Any]], control: dict[str, str]) -> None:
    for number in range(len(blocks) - 1, -1, -1):
        if blocks[number]["type"] not in UNMARKED:
            blocks[number] = {**blocks[number], "cache_control": control}
            return


def _read(wish: Any) -> tuple[str | None, tuple[str, ...]]:
    if wish is None or wish is False:
        return None, ()
    if wish is True or wish in TTLS:
        return (None if wish is True else wish), PLACES
    if isinstance(wish, Mapping) and wish.keys() <= {"ttl", "places"}:
        ttl, places = wish.get("ttl"), wish.get("places", PLACES)
        if ttl in (None, *TTLS) and isinstance(places, list | tuple) and all(place in PLACES for place in places):
            return ttl, tuple(places)
    raise ProviderError(f"the agent's parameter 'prompt_caching' is not accepted: give {ACCEPTED}")
