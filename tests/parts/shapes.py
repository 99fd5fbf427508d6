"""Compares JSON with an example of it on a page."""

from __future__ import annotations

import json
from typing import Any


def json_in(printed: str) -> Any:
    """Return the JSON that a command printed: all of it, or its last line."""
    try:
        return json.loads(printed)
    except ValueError:
        return json.loads(printed.strip().splitlines()[-1])


def same_shape(shown: Any, printed: Any, where: str) -> None:
    """Is what a page shows in what was printed? ``…`` is any text, and a key ``…`` more keys."""
    assert type(shown) is type(printed) or {type(shown), type(printed)} == {int, float}, (
        f"{where} is {printed!r}, and the page shows {shown!r}"
    )
    match shown:
        case dict():
            for key in shown.keys() - {"…"}:
                assert key in printed, f"{where} has no {key!r}; it has {', '.join(printed)}"
                same_shape(shown[key], printed[key], f"{where}.{key}")
        case list() if shown:
            assert printed, f"{where} is empty"
            same_shape(shown[0], printed[0], f"{where}[0]")
