"""Ids of responses. A run is one response, and one more for each pause in which its client executes tools."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agentos import PendingAction, PendingKind
from agentos_openai_api.ids import RESPONSE, response_id

_ID = re.compile(rf"{RESPONSE}([0-9A-Za-z-]{{1,64}})(?:_([1-9][0-9]{{0,5}}))?")


@dataclass(frozen=True, slots=True)
class ResponseRef:
    """The response that an id names: a run, and which of its parts, counted from 0.

    A part ends where the client has to execute tools. The results begin the next one.
    """

    run_id: str
    part: int = 0

    @property
    def id(self) -> str:
        """The id that clients see."""
        return response_id(self.run_id) + (f"_{self.part}" if self.part else "")

    @property
    def previous(self) -> ResponseRef | None:
        """The part before this one; ``None`` for the first."""
        return ResponseRef(self.run_id, self.part - 1) if self.part else None


def read_response_id(id: str) -> ResponseRef | None:
    """Return what an id of a response names; ``None`` for a text that is none.

    >>> read_response_id("resp_0193a1b2-0000-7000-8000-000000000000_2")
    ResponseRef(run_id='0193a1b2-0000-7000-8000-000000000000', part=2)
    """
    match = _ID.fullmatch(id)
    return None if match is None else ResponseRef(match[1], int(match[2] or 0))


def pauses_of(actions: Sequence[PendingAction]) -> Sequence[Mapping[int, PendingAction]]:
    """Return the calls of the client's tools by the pauses in which they were made, each with its number in the run."""
    pauses: dict[int, dict[int, PendingAction]] = {}
    for number, action in enumerate(actions):
        if action.kind is PendingKind.CLIENT_TOOL:
            pauses.setdefault(action.turn, {})[number] = action
    return list(pauses.values())


def last_part(actions: Sequence[PendingAction]) -> int:
    """Return the number of a run's last part that has begun."""
    return sum(all(action.answer is not None for action in pause.values()) for pause in pauses_of(actions))


def part_after(actions: Sequence[PendingAction], turn: int) -> int:
    """Return the number of the part that begins with the results of a turn's calls."""
    return len({one.turn for one in actions if one.kind is PendingKind.CLIENT_TOOL and one.turn <= turn})
