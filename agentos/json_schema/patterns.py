"""Regular expressions that take time in proportion to the text, however they are written.

Python's own search backtracks: for ``(a+)+$`` and 30 letters it takes minutes, and nothing can stop it. A client that
may register agents may write a pattern, so patterns are run here as automata (K. Thompson, 1968), with
counted steps. Python's parser reads them, and its compiler says what each part takes. What automata cannot do
(references, looking around) is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from re import _compiler, _parser  # type: ignore[attr-defined]
from re import _constants as op  # type: ignore[attr-defined]
from typing import Any

from agentos.json_schema.work import Work

MAX_LENGTH = 1000  # characters of a pattern
MAX_NESTING = 100  # groups, alternatives and repetitions inside each other, each of which is a recursion here
MAX_STATES = 5000  # states of its automaton: ``[a-z]{1,1000}`` has two thousand
_MAX_KNOWN = 50_000  # states that are remembered during a search, in all sets together: some 4 MB
_MAX_KEPT = 2_000  # Those that are kept for the next search. A pattern of everyday use has fewer.
_UNITS = 16  # characters of text that count as one unit of work where the transition is known

Test = Callable[..., Any]
"""Of one character; or of a text and a position in it, for what takes no character, as ``^`` does."""


class PatternRefused(ValueError):
    """The pattern is no regular expression, or one that cannot be run in bounded time; the text says why."""


class Pattern:
    """A regular expression of Python's syntax; :meth:`search` tells whether it is found in a text."""

    def __init__(self, pattern: str) -> None:
        if len(pattern) > MAX_LENGTH:
            raise PatternRefused(f"it has {len(pattern)} characters; accepted are at most {MAX_LENGTH}")
        try:
            parsed = _parser.parse(pattern)
        except (re.error, OverflowError, RecursionError) as error:
            raise PatternRefused(f"it is no regular expression: {error}") from None
        if parsed.state.flags & ~re.UNICODE:
            raise PatternRefused("it sets flags, as in (?i); accepted are patterns without flags")
        # Flat lists of few objects: the garbage collector looks at each object, which holds a worker too.
        self._tests: list[Test | None] = []  # what each state takes; None: nothing, it branches
        self._afters: list[int] = []  # the state after each state
        self._branches: dict[int, tuple[int, ...]] = {}
        self._made: dict[str, Test] = {}
        self._parser_state = parsed.state
        self._nesting = 0
        self._at: dict[int, Test] = {}  # states that are passed at certain places only
        self._end = self._state()
        self._first = frozenset({self._sequence(parsed, self._end)})
        self._places = list(dict.fromkeys(self._at.values()))
        self._known: dict[Any, frozenset[int]] = {}
        self._size = 0

    def search(self, text: str, work: Work) -> bool:
        """Tell whether the pattern is found anywhere in the text."""
        states = self._first
        try:
            for position in range(len(text) + 1):
                holds = tuple(test(text, position) is not None for test in self._places)
                reached = self._closed(states, holds, work)
                if self._end in reached:
                    return True
                if position % _UNITS == 0:
                    work.spend()
                if position < len(text):
                    states = self._step(reached, text[position], work)
            return False
        finally:
            if self._size > _MAX_KEPT:
                self._forget()

    def _step(self, states: frozenset[int], character: str, work: Work) -> frozenset[int]:
        """Return where a character leads; and to the beginning, since a match may begin at every place."""
        key = (states, character)
        known = self._known.get(key)
        if known is None:
            work.spend(1 + len(states) // 4)
            moves = [(self._tests[state], self._afters[state]) for state in states]
            known = self._first.union(after for test, after in moves if test is not None and test(character))
            self._remember(key, known)
        return known

    def _closed(self, states: frozenset[int], holds: tuple[bool, ...], work: Work) -> frozenset[int]:
        """Return the states with all that are reached from them without taking a character."""
        key = (states, holds)
        known = self._known.get(key)
        if known is None:
            reached: set[int] = set()
            waiting = list(states)
            while waiting:
                state = waiting.pop()
                if state in reached:
                    continue
                reached.add(state)
                if state not in self._at or holds[self._places.index(self._at[state])]:
                    waiting += self._branches.get(state, ())
            work.spend(1 + len(reached) // 4)
            known = frozenset(reached)
            self._remember(key, known)
        return known

    def _remember(self, key: Any, states: frozenset[int]) -> None:
        if self._size > _MAX_KNOWN:
            self._forget()
        self._known[key] = states
        self._size += len(states)

    def _forget(self) -> None:
        # A new one: another thread may be reading the old one.
        self._known = {}
        self._size = 0

    # --- from the parsed pattern to states, from its end to its beginning ------------------------------------------

    def _state(self, test: Test | None = None, after: int = -1, branches: tuple[int, ...] = ()) -> int:
        if len(self._tests) >= MAX_STATES:
            raise PatternRefused("it is too large: accepted are fewer and smaller repetitions such as {1,100}")
        self._tests.append(test)
        self._afters.append(after)
        number = len(self._tests) - 1
        if branches:
            self._branches[number] = branches
        return number

    def _sequence(self, items: Any, after: int) -> int:
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            raise PatternRefused("it is nested too deeply: accepted are fewer groups inside each other")
        for code, value in reversed(list(items)):
            after = self._item(code, value, after)
        self._nesting -= 1
        return after

    def _item(self, code: Any, value: Any, after: int) -> int:
        if code in (op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN):
            return self._state(self._test(code, value), after)
        if code is op.BRANCH:
            return self._state(branches=tuple(self._sequence(items, after) for items in value[1]))
        if code is op.SUBPATTERN:
            _, added, removed, items = value
            if added or removed:
                raise PatternRefused("it sets flags, as in (?i:…); accepted are patterns without flags")
            return self._sequence(items, after)
        if code in (op.MAX_REPEAT, op.MIN_REPEAT):
            least, most, items = value
            return self._repeated(least, most, items, after)
        if code is op.AT:
            state = self._state(branches=(after,))
            self._at[state] = self._test(code, value)
            return state
        raise PatternRefused(
            "it looks around, refers to a group or is atomic, as in (?=…), (?!…), \\1, (?>…); accepted are patterns"
            " without these"
        )

    def _test(self, code: Any, value: Any) -> Test:
        key = f"{code}{value}"
        if key not in self._made:
            # Python says what one part of a pattern takes. A letter alone is compared, which costs less to make.
            part = _parser.SubPattern(self._parser_state, [(code, value)])
            self._made[key] = chr(value).__eq__ if code is op.LITERAL else _compiler.compile(part).match
        return self._made[key]

    def _repeated(self, least: int, most: Any, items: Any, after: int) -> int:
        if most is op.MAXREPEAT:
            begin = self._state()
            self._branches[begin] = (after, self._sequence(items, begin))
        else:
            begin = after
            for _ in range(most - least):
                begin = self._state(branches=(self._sequence(items, begin), after))
        for _ in range(least):
            begin = self._sequence(items, begin)
        return begin
