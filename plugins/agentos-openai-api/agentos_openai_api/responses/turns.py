"""Counts the turns of a run in its log: one answer of the model each, with the results of its tool calls."""

from __future__ import annotations


class TurnCounter:
    """Says in which turn, counted from 1, what comes next is said. The first text after a result begins a new one."""

    def __init__(self) -> None:
        self.turn = 1
        self._open: set[str] = set()
        self._has_results = False

    def speaks(self) -> int:
        """Return the turn of a text, a thought or a new call."""
        if self._has_results and not self._open:
            self.turn += 1
            self._has_results = False
        return self.turn

    def calls(self, id: str) -> int:
        """Return the turn of a call that starts."""
        turn = self.speaks()
        self._open.add(id)
        return turn

    def ended(self, id: str) -> None:
        """Take note of a call's end."""
        self._open.discard(id)
        self._has_results = True

    def start_over(self, kept: int) -> None:
        """Begin again after the first turns, which were kept. The last of these may have calls that are made now."""
        self.turn = max(1, kept)
        self._open.clear()
        self._has_results = kept > 0
