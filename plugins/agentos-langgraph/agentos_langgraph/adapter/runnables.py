"""Chat models and other runnables of LangChain that are no graphs."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from agentos_guest import Event, Failed, Run
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage, SystemMessage

from .calls import Calls
from .failures import failure
from .messages import conversation, said
from .values import json_text


async def stream_runnable(
    target: Any, run: Run, calls: Calls, configuration: dict[str, Any]
) -> AsyncGenerator[Event, None]:
    """Yield what a chat model or a chain says. It has no interrupts and no tools."""
    if isinstance(target, BaseChatModel):
        pieces = _chat_model(target, run, configuration)
    else:
        pieces = target.astream(_chain_input(target, run), configuration)
    last: Any = None
    try:
        async with aclosing(pieces):
            async for piece in pieces:
                if isinstance(piece, BaseMessage):
                    for event in said(piece):
                        yield event
                elif isinstance(piece, str):
                    if piece:
                        yield piece
                else:  # A parser of JSON sends what it has so far, each time more.
                    last = piece
    except Exception as error:  # The agent's, of any kind.
        for event in calls.take():
            yield event
        if failed := failure(error, calls.errors):
            raise failed from error
        raise
    if last is not None:
        yield json_text(last)
    for event in calls.take():
        yield event


def _chat_model(model: BaseChatModel, run: Run, configuration: dict[str, Any]) -> Any:
    messages = conversation(run)
    if run.overrides.instructions is not None:
        messages.insert(0, SystemMessage(content=run.overrides.instructions))
    parameters = dict(run.overrides.parameters)
    if run.overrides.output_schema is None:
        return model.astream(messages, configuration, **parameters)
    schema = {"title": "answer", "description": "The answer.", **run.overrides.output_schema}
    return model.with_structured_output(schema).astream(messages, configuration)


def _chain_input(chain: Any, run: Run) -> Any:
    if run.overrides.instructions is not None or run.overrides.output_schema is not None or run.overrides.parameters:
        raise Failed("a chain of LangChain takes no other instructions, parameters and output schema than its own")
    schema = chain.get_input_jsonschema()
    keys = schema.get("properties")
    if keys is None or schema.get("title", "").startswith("Chat"):
        return conversation(run)
    if len(keys) == 1:
        key, value = next(iter(keys.items()))
        return {key: conversation(run) if value.get("type") == "array" else run.input}
    try:
        given = json.loads(run.input)
    except ValueError:
        given = None
    if isinstance(given, dict):
        return given
    if "messages" in keys:
        return {"messages": conversation(run)}
    raise Failed(f"the input has to be a JSON object of: {', '.join(sorted(keys))}")
