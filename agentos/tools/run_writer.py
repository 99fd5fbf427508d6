"""What an agent or a tool can write into its run besides the answer, and the checks of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from agentos.domain.event import CustomEvent, StateEvent, Step
from agentos.domain.json_patch import MAX_DEPTH, check_patch
from agentos.errors import InvalidRequest
from agentos.strict_json import JSONReader, JSONRefused

MOST_DATA = 64 * 1024
"""Bytes of JSON that one custom event, or one patch, may have."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._:-]{0,63}")
_reader = JSONReader(max_depth=MAX_DEPTH)


class RunWriter:
    """Writes nowhere: for a context that no run of a server has, as in the test of a tool.

    What is given is checked as in a run.
    """

    def emit(self, name: str, data: Any) -> None:
        """Send a custom event."""
        custom_event(name, data)

    def set_state(self, patch: object) -> None:
        """Change the session's state."""
        state_event(patch)
        raise without_session()

    def state(self) -> Mapping[str, Any]:
        """Return the session's state."""
        return {}

    def step(self, step: Step) -> None:
        """Take in that a call to a model started, or failed."""


WITHOUT_RUN = RunWriter()


class IsolatedWriter(RunWriter):
    """Refuses everything: the process of an isolated tool has no connection to its run."""

    def emit(self, name: str, data: Any) -> NoReturn:  # noqa: ARG002
        """Refuse."""
        _refuse("context.emit")

    def set_state(self, patch: object) -> NoReturn:  # noqa: ARG002
        """Refuse."""
        _refuse("context.set_state")

    def state(self) -> NoReturn:
        """Refuse."""
        _refuse("context.state")


def _refuse(what: str) -> NoReturn:
    raise InvalidRequest(
        f"{what} does not work in an isolated tool, which runs in a process of its own; use it in a tool that is not"
        " isolated, or return what you have to say"
    )


def without_session() -> InvalidRequest:
    """Return the error of a run that has no session and is to change its state."""
    return InvalidRequest("context.set_state changes the state of the run's session, and this run has none")


def custom_event(name: object, data: object) -> CustomEvent:
    """Return an event with a copy of the data; raise ``InvalidRequest`` for a name or data that is not accepted."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidRequest(
            f"the name of a custom event is {name!r:.100}; accepted are 1 to 64 letters, digits and . _ : -, with a"
            " letter first"
        )
    return CustomEvent(name, json_copy("the data of a custom event", data))


def state_event(patch: object) -> StateEvent:
    """Return an event with a copy of the patch; raise ``InvalidRequest`` for what is no patch."""
    copy = json_copy("the patch of the state", patch)
    check_patch(copy)
    return StateEvent(copy)


def json_copy(what: str, value: object, *, most: int = MOST_DATA) -> Any:
    """Return a copy of a value as plain JSON; raise ``InvalidRequest`` for one that no body of a request could hold."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        size = len(text.encode("utf-8", "surrogatepass"))
        if size > most:
            raise InvalidRequest(f"{what} has {size} bytes of JSON; accepted are at most {most}")
        return _reader.read(text)
    except JSONRefused as refused:
        raise InvalidRequest(f"{what} is not accepted: {_WORDS.get(refused.reason, refused.reason)}") from None
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRequest(
            f"{what} is no JSON: {error}; accepted are dict, list, str, int, float, bool and None"
        ) from error


_WORDS = {
    "depth": f"it is nested more than {MAX_DEPTH} levels deep",
    "key": "it has two keys that are the same as JSON",
    "integer": "it has an integer beyond 64 bits",
    "text": "it has a text with U+0000 or half a surrogate pair",
}
