"""The reference names each field that the library for Python can send, and each that the schemas have."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from agentos_anthropic_api.schemas import MessageRequestSchema, TokenCountRequestSchema
from anthropic import types
from anthropic.types import message_count_tokens_params, message_create_params, model_list_params

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "anthropic.md"

SENT: dict[str, list[Any]] = {
    "## The request": [
        message_create_params.MessageCreateParamsBase,
        message_create_params.MessageCreateParamsStreaming,
        types.MetadataParam,
        types.OutputConfigParam,
        types.JSONOutputFormatParam,
        types.ThinkingConfigEnabledParam,
        types.ThinkingConfigAdaptiveParam,
        types.ToolParam,
        types.ToolChoiceAutoParam,
        types.ToolChoiceToolParam,
    ],
    "### Messages": [
        types.TextBlockParam,
        types.ImageBlockParam,
        types.Base64ImageSourceParam,
        types.URLImageSourceParam,
        types.DocumentBlockParam,
        types.PlainTextSourceParam,
        types.ContentBlockSourceParam,
        types.SearchResultBlockParam,
        types.ThinkingBlockParam,
        types.RedactedThinkingBlockParam,
        types.ToolUseBlockParam,
        types.ToolResultBlockParam,
        types.ToolReferenceBlockParam,
    ],
    "## Counting tokens": [message_count_tokens_params.MessageCountTokensParams],
    "## Models": [model_list_params.ModelListParams],
}
"""Which section has the table for which objects of the library."""

ELSEWHERE = {"type", "cache_control"}
"""What all kinds of objects have; and what is ignored wherever it stands, as the table of the request says."""

OF_HEADERS = {"workspace_id"}


def named(heading: str) -> set[str]:
    """Return the fields that a section's tables name, each by itself: of ``tools[].type``, both."""
    section = REFERENCE.read_text("utf-8").partition(f"\n{heading}\n")[2]
    assert section, f"there is no section {heading!r}"
    lines = re.split(r"^##", section, flags=re.MULTILINE)[0].splitlines()
    codes = [code for line in lines if line.startswith("|") for code in re.findall(r"`([^`]+)`", line.split("|")[1])]
    return {word for code in codes for word in re.findall(r"[a-z][a-z_]*", code)}


@pytest.mark.parametrize("heading", list(SENT))
def test_each_field_that_the_library_can_send_has_a_row(heading: str) -> None:
    fields = {name for sent in SENT[heading] for name in sent.__annotations__} - ELSEWHERE - OF_HEADERS
    assert sorted(fields - named(heading)) == []


@pytest.mark.parametrize(
    ("heading", "schema"), [("## The request", MessageRequestSchema), ("## Counting tokens", TokenCountRequestSchema)]
)
def test_each_field_that_is_read_has_a_row(heading: str, schema: Any) -> None:
    assert sorted(set(schema().fields) - named(heading)) == []
