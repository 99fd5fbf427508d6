"""Reads JSON without the leniencies of Python's decoder, each of which lets in what a database or a peer refuses."""

from __future__ import annotations

import json
import math
import re
import sys
import time
from collections import Counter
from itertools import accumulate
from typing import Any, Literal

from agentos.domain.text import is_clean
from agentos.fair_lock import LOOP_TURN, FairLock

LARGE = 16 * 1024
"""Characters that may take so long to check that others should have a turn before they are decoded, and after that."""

SOME = 256  # values between two turns that others may have

INTEGERS = range(-(2**63), 2**63)

# Raw control characters are refused by the decoder: only escapes can bring in U+0000.
_SUSPECT_ESCAPE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_NO_BRACKETS = re.compile(r"[^\[\]{}]+")
_STEP = {"[": 1, "{": 1, "]": -1, "}": -1}

_turns = FairLock()

Reason = Literal["depth", "values", "key", "constant", "integer", "number", "text"]


class JSONRefused(ValueError):
    """Well-formed JSON that is not accepted: ``found`` is the key, number or text, ``place`` the path of a text."""

    def __init__(self, reason: Reason, found: str = "", place: str = "") -> None:
        super().__init__(f"{reason} {found[:30]}")
        self.reason = reason
        self.found = found
        self.place = place


class JSONReader:
    """Decodes texts that clients, models and users wrote. May be used by several threads at once.

    Besides malformed JSON it refuses U+0000 and lone surrogates (escaped ones, and in keys, too), numbers that are no
    finite double or not among ``integers``, a key given twice, and what is nested too deep or has too many values.
    """

    def __init__(self, *, max_depth: int, max_values: int = sys.maxsize, integers: range = INTEGERS) -> None:
        self._max_depth = max_depth
        self._max_values = max_values
        self._integers = integers
        self._seen = 0
        self._decode = json.JSONDecoder(
            object_pairs_hook=self._unique,
            parse_int=self._integer,
            parse_float=self._number,
            parse_constant=_refuse_constant,
        ).decode

    def read(self, text: str) -> Any:
        """Return the value of a JSON text; raise :class:`JSONRefused` or ``json.JSONDecodeError``."""
        self._check_shape(text)
        if len(text) > LARGE:
            time.sleep(LOOP_TURN)
        value = self._decode(text)
        if len(text) > LARGE:
            time.sleep(LOOP_TURN)
        if ("\\u" in text and _SUSPECT_ESCAPE.search(text)) or not (text.isascii() or is_clean(text)):
            self._check_texts(value, "")
        return value

    def _check_shape(self, text: str) -> None:
        """Check depth and number of values before anything is decoded. Whole texts at once, in C: they may be large."""
        brackets = text.count("[") + text.count("{")
        if brackets <= self._max_depth and brackets + text.count(",") <= self._max_values:
            return
        # Those in strings do not count.
        bare = text.replace("\\\\", "").replace('\\"', "")
        if bare.count('"') > 4 * (self._max_values + 1):  # a key and a string for each value
            raise JSONRefused("values")
        outside = "".join(bare.split('"')[::2])
        if outside.count(",") + outside.count("[") + outside.count("{") > self._max_values:
            raise JSONRefused("values")
        if max(accumulate(map(_STEP.__getitem__, _NO_BRACKETS.sub("", outside))), default=0) > self._max_depth:
            raise JSONRefused("depth")

    def _unique(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        self._give_way()
        members = dict(pairs)
        if len(members) < len(pairs):
            raise JSONRefused("key", Counter(key for key, _ in pairs).most_common(1)[0][0])
        return members

    def _integer(self, digits: str) -> int:
        self._give_way()
        if len(digits) <= 20 and (number := int(digits)) in self._integers:
            return number
        raise JSONRefused("integer", digits)

    def _number(self, digits: str) -> float:
        self._give_way()
        number = float(digits)
        if math.isinf(number):
            raise JSONRefused("number", digits)
        return number

    def _check_texts(self, value: Any, path: str) -> None:
        self._give_way()
        if isinstance(value, str):
            if not is_clean(value):
                raise JSONRefused("text", value, path)
        elif isinstance(value, dict):
            for key, inner in value.items():
                self._check_texts(key, f"{path} (a key in it)")
                self._check_texts(inner, (f"{path}.{key}" if path else key)[:200])
        elif isinstance(value, list):
            for number, inner in enumerate(value):
                self._check_texts(inner, f"{path}[{number}]"[:200])

    def _give_way(self) -> None:
        self._seen += 1
        if self._seen % SOME == 0:
            _turns.pass_through()


def _refuse_constant(name: str) -> Any:
    raise JSONRefused("constant", name)
