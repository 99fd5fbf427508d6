"""Ids under which clients see calls of their tools. Each is made of its run's id, so that nothing has to be stored."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
MOST_CALLS = len(DIGITS) ** 2
"""How many calls of one run have ids."""


@dataclass(frozen=True, slots=True)
class CallIds:
    """The ids of one protocol: ``prefix``, the run, and the number of the call's action in it."""

    prefix: str
    _pattern: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_pattern", re.compile(rf"{re.escape(self.prefix)}([0-9a-f]{{32}})([0-9a-z]{{2}})"))

    def make(self, run_id: str, number: int) -> str:
        """Return the id under which a client sees the call that action ``number`` of a run is, counted from 0.

        Models use the id of a call again; this one is unique, so that the client's result finds its run. It has 34
        characters and the prefix. Raises ``ValueError`` for a number from :data:`MOST_CALLS`.

        >>> CallIds("call_").make("0193a1b2-0000-7000-8000-000000000000", 36)
        'call_0193a1b200007000800000000000000010'
        """
        if not 0 <= number < MOST_CALLS:
            raise ValueError(f"number {number}: a run has at most {MOST_CALLS} calls of its client's tools")
        return f"{self.prefix}{run_id.replace('-', '')}{base36(number):0>2}"

    def read(self, id: str) -> tuple[str, int] | None:
        """Return the run and the number in the id of a call; ``None`` for one that is not of this server."""
        match = self._pattern.fullmatch(id)
        if match is None:
            return None
        run = match[1]
        return f"{run[:8]}-{run[8:12]}-{run[12:16]}-{run[16:20]}-{run[20:]}", int(match[2], 36)


def base36(number: int) -> str:
    """Return a number in the digits 0 to 9 and a to z."""
    digits = DIGITS[number % 36]
    while number := number // 36:
        digits = DIGITS[number % 36] + digits
    return digits
