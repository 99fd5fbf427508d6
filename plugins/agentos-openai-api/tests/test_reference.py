"""The reference names each field that the library for Python can send, and each that the schemas have."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from agentos_openai_api.chat.schemas import ChatCompletionRequestSchema
from agentos_openai_api.responses.schemas import ResponseRequestSchema
from openai.types import chat, responses, shared_params
from openai.types.chat import chat_completion_content_part_image_param as image_part
from openai.types.chat import chat_completion_content_part_input_audio_param as audio_part
from openai.types.chat import chat_completion_content_part_param as file_part
from openai.types.chat import completion_create_params as chat_params
from openai.types.conversations import (
    conversation_create_params,
    conversation_update_params,
    item_create_params,
    item_list_params,
    item_retrieve_params,
)
from openai.types.responses import (
    input_item_list_params,
    response_create_params,
    response_input_item_param,
    response_retrieve_params,
)

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
CHAT, RESPONSES = REFERENCE / "openai.md", REFERENCE / "openai-responses.md"

OF_ADDRESS = {"conversation_id"}
"""What the library puts into the path."""

SENT: dict[tuple[Path, str], list[Any]] = {
    (CHAT, "## Chat completions: the request"): [
        chat_params.CompletionCreateParamsBase,
        chat_params.CompletionCreateParamsStreaming,
        chat.ChatCompletionStreamOptionsParam,
        chat.ChatCompletionFunctionToolParam,
        shared_params.FunctionDefinition,
    ],
    (CHAT, "### Messages"): [
        chat.ChatCompletionSystemMessageParam,
        chat.ChatCompletionDeveloperMessageParam,
        chat.ChatCompletionUserMessageParam,
        chat.ChatCompletionAssistantMessageParam,
        chat.ChatCompletionToolMessageParam,
        chat.ChatCompletionFunctionMessageParam,
        chat.ChatCompletionContentPartTextParam,
        chat.ChatCompletionContentPartRefusalParam,
        chat.ChatCompletionContentPartImageParam,
        image_part.ImageURL,
        chat.ChatCompletionContentPartInputAudioParam,
        audio_part.InputAudio,
        file_part.File,
        file_part.FileFile,
    ],
    (RESPONSES, "## The request"): [
        response_create_params.ResponseCreateParamsBase,
        response_create_params.ResponseCreateParamsStreaming,
        response_create_params.StreamOptions,
        responses.EasyInputMessageParam,
        response_input_item_param.Message,
        responses.ResponseOutputMessageParam,
        responses.ResponseFunctionToolCallParam,
        response_input_item_param.FunctionCallOutput,
        responses.ResponseReasoningItemParam,
        response_input_item_param.ItemReference,
        responses.ResponseInputTextParam,
        responses.ResponseInputImageParam,
        responses.ResponseInputFileParam,
        responses.FunctionToolParam,
        responses.ResponseTextConfigParam,
        responses.ResponseFormatTextJSONSchemaConfigParam,
        shared_params.Reasoning,
    ],
    (RESPONSES, "## Operations"): [
        response_retrieve_params.ResponseRetrieveParamsStreaming,
        response_retrieve_params.ResponseRetrieveParamsBase,
        input_item_list_params.InputItemListParams,
    ],
    (RESPONSES, "## Conversations"): [
        conversation_create_params.ConversationCreateParams,
        conversation_update_params.ConversationUpdateParams,
        item_create_params.ItemCreateParams,
        item_list_params.ItemListParams,
        item_retrieve_params.ItemRetrieveParams,
    ],
}
"""Which section has the table for which objects of the library."""


def named(page: Path, heading: str) -> set[str]:
    """Return the fields that a section's tables name, each by itself: of ``tools[].type``, both."""
    section = page.read_text("utf-8").partition(f"\n{heading}\n")[2]
    assert section, f"{page.name} has no section {heading!r}"
    lines = re.split(r"^##", section, flags=re.MULTILINE)[0].splitlines()
    codes = [code for line in lines if line.startswith("|") for code in re.findall(r"`([^`]+)`", line.split("|")[1])]
    return {word for code in codes for word in re.findall(r"[a-z][a-z_]*", code)}


@pytest.mark.parametrize(("page", "heading"), list(SENT), ids=lambda value: str(getattr(value, "stem", value)))
def test_each_field_that_the_library_can_send_has_a_row(page: Path, heading: str) -> None:
    fields = {name for sent in SENT[page, heading] for name in sent.__annotations__} - OF_ADDRESS - {"type"}
    assert sorted(fields - named(page, heading)) == []


@pytest.mark.parametrize(
    ("page", "heading", "schema"),
    [
        (CHAT, "## Chat completions: the request", ChatCompletionRequestSchema),
        (RESPONSES, "## The request", ResponseRequestSchema),
    ],
)
def test_each_field_that_is_read_has_a_row(page: Path, heading: str, schema: Any) -> None:
    assert sorted(set(schema().fields) - named(page, heading)) == []
