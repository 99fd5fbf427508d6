"""How large the texts and objects may be that a client has a server read and keep.

Checked here and not in the API's schemas: the limits are the settings of one server, which schemas, made once for all
and described in one document, do not know; and what the command line and programs bring passes here too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from agentos.config import Config
from agentos.domain.media import Media
from agentos.domain.stored_request import NO_OVERRIDES, ModelOverrides
from agentos.domain.text import is_clean
from agentos.errors import InvalidMedia, InvalidRequest
from agentos.storage import json_text

MAX_NAME = 255
MAX_DESCRIPTION = 4096
MAX_TOOLS = 128
"""Most tools that an agent may name, and most characters of such a name."""

MAX_COMMENT = 1000
"""Most characters of the comment on a version of an agent."""

_AGENT_TEXTS = {"name": MAX_NAME, "model": MAX_NAME, "description": MAX_DESCRIPTION}
_AGENT_OBJECTS = ("parameters", "output_schema", "metadata")

KIB = 1024


class SizeLimits:
    """Refuses what is larger than the settings allow, with the field's name, its size and the limit."""

    def __init__(self, config: Config) -> None:
        self._text = config.max_input_size
        self._object = config.max_metadata_size

    def check_run(
        self, input: str, metadata: Mapping[str, Any], context: Mapping[str, Any], media: tuple[Media, ...]
    ) -> None:
        """Raise ``InvalidRequest`` for a run's input or what is kept with it, ``InvalidMedia`` for what media bring."""
        self.check_text("input", input)
        self.check_object("metadata", metadata)
        self.check_object("run_context", context)
        for number, one in enumerate(media):
            try:
                self.check_object(f"media[{number}].metadata", one.metadata)
            except InvalidRequest as error:
                raise InvalidMedia(error.message) from None

    def check_overrides(self, overrides: ModelOverrides) -> None:
        """Raise ``InvalidRequest`` for what a run overrides."""
        if overrides is NO_OVERRIDES:
            return
        self.check_object("overrides.parameters", overrides.parameters)
        self.check_object("overrides.output_schema", overrides.output_schema)
        self.check_text("overrides.instructions", overrides.instructions or "")

    def check_session(self, given: Mapping[str, Any]) -> None:
        """Raise ``InvalidRequest`` for what a new or changed session is to keep."""
        for name in ("metadata", "state"):
            self.check_object(name, given.get(name))

    def check_agent(self, document: Mapping[str, Any]) -> None:
        """Raise ``InvalidRequest`` for a field of an agent's definition; its types are checked before."""
        for name, most in _AGENT_TEXTS.items():
            if (length := len(document.get(name, ""))) > most:
                raise _refusal(name, f"has {length} characters; accepted are at most {most}")
        tools = document.get("tools", ())
        if len(tools) > MAX_TOOLS or any(len(tool) > MAX_TOOLS for tool in tools):
            accepted = f"at most {MAX_TOOLS} names, each of at most {MAX_TOOLS} characters"
            raise _refusal("tools", f"is a list of {len(tools)}; accepted are {accepted}")
        self.check_text("instructions", document.get("instructions", ""))
        for name in _AGENT_OBJECTS:
            self.check_object(name, document.get(name))

    def check_comment(self, comment: str | None) -> None:
        """Raise ``InvalidRequest`` for the comment on a version of an agent."""
        if comment is None:
            return
        if not isinstance(comment, str) or not is_clean(comment):
            raise _refusal("comment", "is not accepted; accepted is a text without U+0000")
        if len(comment) > MAX_COMMENT:
            raise _refusal("comment", f"has {len(comment)} characters; accepted are at most {MAX_COMMENT}")

    def check_text(self, name: str, text: str) -> None:
        """Raise ``InvalidRequest`` for a field with a text."""
        # Bytes of UTF-8, as they are sent and stored; one character takes up to four of them.
        if len(text) * 4 > self._text and (size := len(text.encode("utf-8", "surrogatepass"))) > self._text:
            raise _refusal(
                name, f"has {size} bytes; accepted are at most {_shown(self._text)} of UTF-8 (AGENTOS_MAX_INPUT_SIZE)"
            )

    def check_object(self, name: str, value: Mapping[str, Any] | None) -> None:
        """Raise ``InvalidRequest`` for a field with an object."""
        if value and (size := _json_size(value)) > self._object:
            raise _refusal(
                name,
                f"is an object of {size} bytes; accepted are at most {_shown(self._object)} as JSON"
                " (AGENTOS_MAX_METADATA_SIZE)",
            )


def _refusal(name: str, words: str) -> InvalidRequest:
    return InvalidRequest(f"field {name!r} {words}", details={"fields": {name: words}})


def _json_size(value: Mapping[str, Any]) -> int:
    try:
        return len(orjson.dumps(value))
    except TypeError:  # a number beyond 64 bits, or a mapping of another kind, which only programs bring
        return len(json_text.dumps(value))


def _shown(size: int) -> str:
    return f"{size // KIB} KiB" if size % KIB == 0 else f"{size} bytes"
