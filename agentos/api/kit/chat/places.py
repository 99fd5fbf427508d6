"""Where messages stand in a request, for errors that name one of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from agentos.errors import InvalidMedia, InvalidRequest

_OURS = re.compile(r"messages\[(\d+)\]")


@contextmanager
def in_their_places(places: Sequence[str]) -> Iterator[None]:
    """Have ``InvalidRequest`` and ``InvalidMedia`` from within name the client's fields in place of our messages.

    ``places`` has the field of each message of ours: a request may have others, and one may be several of ours.
    """
    try:
        yield
    except (InvalidRequest, InvalidMedia) as error:

        def place(match: re.Match[str]) -> str:
            number = int(match[1])
            return places[number] if number < len(places) else match[0]

        fields = {_OURS.sub(place, name): words for name, words in error.details.get("fields", {}).items()}
        details = {**error.details, "fields": fields} if fields else error.details
        raise type(error)(_OURS.sub(place, error.message), details=details) from error
