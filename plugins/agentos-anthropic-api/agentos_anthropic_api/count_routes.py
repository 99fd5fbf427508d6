"""``POST /v1/messages/count_tokens``: an estimate, since the server does not have the tokenizers of models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from flask import Response

from agentos import AgentNotFound, Media
from agentos.web import RUN_SOME, InvalidMedia, ResponseSpec, json_response, options_of
from agentos_anthropic_api.conversation import Conversation, read_messages
from agentos_anthropic_api.errors import REQUEST_ID
from agentos_anthropic_api.routes import HEADERS, BetaQuery, routes, with_request_id
from agentos_anthropic_api.schemas import TokenCountRequestSchema, TokenCountSchema
from agentos_anthropic_api.tools import read_tools

BYTES_PER_TOKEN = 4
"""Of UTF-8: about what tokenizers of English text and of code have."""

OF_A_MESSAGE = 4
"""Tokens around each message."""

OF_AN_IMAGE = 1500
BYTES_PER_TOKEN_OF_A_FILE = 40
"""A page of a PDF has some ten thousand bytes, and takes some thousand tokens at most."""


@routes.post(
    "/v1/messages/count_tokens",
    access=RUN_SOME,
    query=BetaQuery,
    body=TokenCountRequestSchema,
    responses={200: ResponseSpec("The estimate.", TokenCountSchema, headers={REQUEST_ID: "The request's id."})},
    request_headers=HEADERS,
    errors=(AgentNotFound, InvalidMedia),
)
def count_message_tokens(query: dict[str, Any], body: dict[str, Any]) -> Response:  # noqa: ARG001  # says nothing
    """Estimate the tokens of a conversation, with the agent's own instructions.

    The conversation may end with any message. A token is taken for four bytes of text. Nothing is run.
    """
    instructions = options_of(body["model"]).instructions or ""
    said = read_messages(body)
    return with_request_id(json_response({"input_tokens": estimate(instructions, said, body), "estimated": True}))


def estimate(instructions: str, said: Conversation, body: Mapping[str, Any]) -> int:
    """Return about how many tokens a model is given."""
    texts = [instructions, *said.system.values()]
    media: list[Media] = []
    for message in said.messages:
        texts += [message.content, *(call.name + call.arguments for call in message.tool_calls)]
        media += message.media
    texts += [tool.name + tool.description + orjson.dumps(tool.parameters).decode() for tool in read_tools(body).tools]
    size = sum(len(text.encode(errors="replace")) for text in texts)
    return 1 + size // BYTES_PER_TOKEN + OF_A_MESSAGE * len(said.messages) + sum(map(_media_tokens, media))


def _media_tokens(media: Media) -> int:
    if media.type == "image" or not media.byte_count:
        return OF_AN_IMAGE
    return max(OF_AN_IMAGE, media.byte_count // BYTES_PER_TOKEN_OF_A_FILE)
