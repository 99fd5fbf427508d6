"""Parts of a message: what an agent gets of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from agentos import RunContext
from agentos.testing import PIXEL
from parts.openai_door import Door, MakeDoor

PDF = "JVBERi0="


class Shows:
    """Says what it was given."""

    def stream(self, context: RunContext) -> Iterator[str]:
        yield json.dumps(
            [context.input, *([one.type, one.content_type, one.name, one.data or one.url] for one in context.media)]
        )


PARTS: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "an image": (
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL.data}"}},
        ["image", "image/png", None, PIXEL.data],
    ),
    "sound": (
        {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mp3"}},
        ["audio", "audio/mpeg", None, "aGk="],
    ),
    "a file with its type": (
        {"type": "file", "file": {"file_data": "data:text/csv;base64,aGk=", "filename": "a.csv"}},
        ["file", "text/csv", "a.csv", "aGk="],
    ),
    "a file without one": (
        {"type": "file", "file": {"file_data": PDF, "filename": "a.pdf"}},
        ["file", "application/pdf", "a.pdf", PDF],
    ),
}


@pytest.fixture
def door(make_door: MakeDoor) -> Door:
    return make_door({"shop": Shows()})


@pytest.mark.parametrize("case", list(PARTS))
def test_an_attachment_reaches_the_agent(door: Door, case: str) -> None:
    part, media = PARTS[case]
    answer = door.chat([{"role": "user", "content": [{"type": "text", "text": "See"}, part]}])
    assert answer.status_code == 200, answer.text
    assert json.loads(answer.json["choices"][0]["message"]["content"]) == ["See", media]


@pytest.mark.parametrize(
    "url", ["data:image/png,plain", "data:;base64,aGk=", "http://127.0.0.1/a.png", "ftp://example.com/a.png", "x"]
)
def test_an_image_that_is_not_accepted_is_a_bad_request(door: Door, url: str) -> None:
    part = {"type": "image_url", "image_url": {"url": url}}
    answer = door.chat([{"role": "user", "content": [part]}])
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "invalid_media")
