"""Ids of responses. A run is one response, and one more for each pause in which its client executes tools."""

from __future__ import annotations

import re
from dataclasses import dataclass

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
