"""Characters that a server cut in two between the pieces of an answer."""

from __future__ import annotations

import re
from typing import Any

from agentos.domain.text import join_surrogates

_HIGH = re.compile("[\ud800-\udbff]$")


class Halves:
    """Holds back the first half of a pair until the second comes with the next piece."""

    def __init__(self) -> None:
        self._held: dict[str, str] = {}

    def join(self, chunk: Any) -> Any:
        """Return a chunk with the halves in the texts of its first choice joined."""
        if isinstance(chunk, dict) and isinstance(choices := chunk.get("choices"), list) and choices:
            choice = choices[0]
            for key in ("delta", "message"):
                if isinstance(choice, dict) and isinstance(said := choice.get(key), dict):
                    choice[key] = {name: self._mend(name, value) for name, value in said.items()}
            if isinstance(choice, dict) and isinstance(choice.get("text"), str):
                choice["text"] = self._mend("text", choice["text"])
        return chunk

    def rest(self) -> dict[str, str]:
        """Return what is still held, by the field that it came in, as U+FFFD."""
        held, self._held = self._held, {}
        return dict.fromkeys(held, "\ufffd")

    def mend(self, name: str, text: str) -> str:
        """Return a text with the half that was held of this field before it, and without a half at its end."""
        text = self._held.pop(name, "") + text
        if half := _HIGH.search(text):
            self._held[name] = half[0]
            text = text[:-1]
        return join_surrogates(text)

    def _mend(self, name: str, value: Any) -> Any:
        if isinstance(value, list) and name != "tool_calls":
            return [self._mend(name, part) for part in value]
        if isinstance(value, dict) and name != "function_call":
            return {key: self._mend(name, inner) if key != "type" else inner for key, inner in value.items()}
        return self.mend(name, value) if isinstance(value, str) and value else value
