"""Documents and other blocks of a user, and what the model is given of them."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest
from agentos_anthropic_api.content import read_block

from agentos import Media, ScriptedProvider
from parts.anthropic_door import Door

PDF = b64encode(b"%PDF-1.7\n%%EOF\n").decode()


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


TEXTS: dict[str, tuple[dict[str, Any], str]] = {
    "a plain text": ({"type": "text", "media_type": "text/plain", "data": "Open."}, "Hours\nOf 2026\nOpen."),
    "a plain text in base64": (
        {"type": "base64", "media_type": "text/plain", "data": b64encode(b"Open.").decode()},
        "Hours\nOf 2026\nOpen.",
    ),
    "blocks": ({"type": "content", "content": [text("Open."), text("Closed.")]}, "Hours\nOf 2026\nOpen.\nClosed."),
    "one text of blocks": ({"type": "content", "content": "Open."}, "Hours\nOf 2026\nOpen."),
}


@pytest.mark.parametrize("case", list(TEXTS))
def test_a_document_of_text_is_text(door: Door, scripted: ScriptedProvider, case: str) -> None:
    source, seen = TEXTS[case]
    scripted.say("Yes.")
    given = {
        "type": "document",
        "source": source,
        "title": "Hours",
        "context": "Of 2026",
        "citations": {"enabled": True},
    }
    assert door.ask([{"role": "user", "content": [given]}]).status_code == 200
    assert scripted.requests[0].messages[-1].content == seen


def test_a_pdf_is_an_attachment() -> None:
    source = {"type": "base64", "media_type": "application/pdf", "data": PDF}
    given = {"type": "document", "source": source, "title": "hours.pdf", "context": "Of 2026"}
    assert read_block(given, "messages[0].content[0]") == [
        "Of 2026",
        Media(type="file", content_type="application/pdf", data=PDF, name="hours.pdf"),
    ]


@pytest.mark.parametrize(("type", "media"), [("image", "image"), ("document", "file")])
def test_an_address_is_an_attachment(type: str, media: Any) -> None:
    given = {"type": type, "source": {"type": "url", "url": "https://example.com/x"}}
    assert read_block(given, "messages[0].content[0]") == [Media(type=media, url="https://example.com/x")]


def test_a_result_of_a_search_is_text(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("Yes.")
    given = {"type": "search_result", "source": "https://example.com", "title": "Hours", "content": [text("Open.")]}
    door.ask([{"role": "user", "content": [given]}])
    assert scripted.requests[0].messages[-1].content == "Hours\nhttps://example.com\nOpen."


@pytest.mark.parametrize("type", ["image", "document"])
def test_an_address_that_no_server_may_fetch_is_refused(door: Door, type: str) -> None:
    source = {"type": "url", "url": "http://127.0.0.1:1/x"}
    answer = door.ask([{"role": "user", "content": [{"type": type, "source": source}]}])
    assert (answer.status_code, answer.json["error"]["type"]) == (400, "invalid_request_error")
