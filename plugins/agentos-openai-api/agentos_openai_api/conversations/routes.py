"""The operations at ``/v1/conversations``: our sessions."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from agentos import Session, SessionChanges
from agentos.web import (
    Choice,
    NotFound,
    Object,
    OpenRequestSchema,
    Raw,
    ResponseSchema,
    ResponseSpec,
    SessionBusy,
    SessionNotFound,
    StrictBoolean,
    StrictInteger,
    StrictString,
    caller,
    idempotency_key,
    in_their_places,
    json_response,
    refuse,
    server,
)
from agentos_openai_api.conversations.items import add_items, find_item, page_of_items, remove_item
from agentos_openai_api.conversations.new_items import read_items
from agentos_openai_api.ids import CONVERSATION, conversation_id, own_id
from agentos_openai_api.lists import ItemsQuery, OpenAIItemListSchema, list_json
from agentos_openai_api.routes import routes

AGENT = "agent_id"
"""The name in ``metadata`` of the agent that a new session is of."""

DEFAULT_AGENT = "assistant"

ITEM_LIST = {"type": "array", "items": {"type": "object"}}


class ConversationNotFound(NotFound, code="CONVERSATION_NOT_FOUND"):
    """There is no such conversation, or it is not the caller's."""


class ItemNotFound(NotFound, code="ITEM_NOT_FOUND"):
    """There is no such item in the conversation."""


class ConversationRequestSchema(OpenRequestSchema):
    """A conversation to make."""

    metadata = Object("Kept with the session. `agent_id` in it names the session's agent.", nullable=True)
    items = Raw("What was said so far.", ITEM_LIST, nullable=True)


class ConversationUpdateSchema(OpenRequestSchema):
    """What to change in a conversation."""

    metadata = Object("Takes the place of what there is.", nullable=True, required=True)


class ConversationItemsSchema(OpenRequestSchema):
    """Items to add."""

    items = Raw(
        "Messages of `user` and `assistant`, `function_call` and `function_call_output`. Messages of `system` and"
        " `developer`, and `reasoning`, are left out.",
        ITEM_LIST,
        required=True,
    )


class ConversationSchema(ResponseSchema):
    """A conversation: a session."""

    id = StrictString("`conv_` and the session's id.")
    object = Choice("Always `conversation`.", ("conversation",))
    created_at = StrictInteger("When it was made, in seconds since 1970.")
    metadata = Object("As it was given.")


class ConversationDeletedSchema(ResponseSchema):
    """A conversation that is gone."""

    id = StrictString("Its id.")
    object = Choice("Always `conversation.deleted`.", ("conversation.deleted",))
    deleted = StrictBoolean("Always true.")


FOUND = {200: ResponseSpec("The conversation.", ConversationSchema)}


@routes.post("/v1/conversations", access="sessions:write", body=ConversationRequestSchema, responses=FOUND)
def create_openai_conversation(body: dict[str, Any]) -> Response:
    """Make a conversation. It is a session: responses with `conversation` are its runs."""
    items = read_items(body.get("items"))
    metadata = body.get("metadata") or {}
    agent_id = metadata.get(AGENT, DEFAULT_AGENT)
    if not isinstance(agent_id, str) or not agent_id:
        refuse(f"metadata.{AGENT}", "is no text; accepted is the id of an agent")
    with in_their_places(items.places):
        session, _ = server().sessions.create(
            agent_id,
            metadata=metadata,
            messages=items.messages,
            idempotency=idempotency_key(request, body),
            caller=caller(),
        )
    return json_response(_conversation_json(session))


@routes.get(
    "/v1/conversations/{conversation_id}", access="sessions:read", responses=FOUND, errors=(ConversationNotFound,)
)
def get_openai_conversation(conversation_id: str) -> Response:
    """Read a conversation."""
    return json_response(_conversation_json(_session(conversation_id)))


@routes.post(
    "/v1/conversations/{conversation_id}",
    access="sessions:write",
    body=ConversationUpdateSchema,
    responses=FOUND,
    errors=(ConversationNotFound,),
)
def update_openai_conversation(conversation_id: str, body: dict[str, Any]) -> Response:
    """Change the metadata of a conversation."""
    session = _session(conversation_id)
    changed = server().sessions.update(session.id, SessionChanges(metadata=body["metadata"] or {}), caller())
    return json_response(_conversation_json(changed))


@routes.delete(
    "/v1/conversations/{conversation_id}",
    access="sessions:write",
    audit="session.delete",
    responses={200: ResponseSpec("It is gone.", ConversationDeletedSchema)},
    errors=(ConversationNotFound,),
)
def delete_openai_conversation(conversation_id: str) -> Response:
    """Delete a conversation: the session with its runs."""
    try:
        server().sessions.delete(_session(conversation_id).id, caller())
    except SessionNotFound:
        raise conversation_not_found(conversation_id) from None
    return json_response({"id": conversation_id, "object": "conversation.deleted", "deleted": True})


@routes.get(
    "/v1/conversations/{conversation_id}/items",
    access="sessions:read",
    query=ItemsQuery,
    responses={200: ResponseSpec("A page of the items.", OpenAIItemListSchema)},
    errors=(ConversationNotFound,),
)
def list_openai_conversation_items(conversation_id: str, query: dict[str, Any]) -> Response:
    """List what was said in a conversation."""
    return json_response(page_of_items(_session(conversation_id), query))


@routes.post(
    "/v1/conversations/{conversation_id}/items",
    access="sessions:write",
    body=ConversationItemsSchema,
    responses={200: ResponseSpec("The items, as they were added.", OpenAIItemListSchema)},
    errors=(ConversationNotFound, SessionBusy),
)
def create_openai_conversation_items(conversation_id: str, body: dict[str, Any]) -> Response:
    """Add items to a conversation, without a response.

    They are what the client says that was said: they answer nothing that waits for an answer, and start no response.
    While a response of the conversation is being made, they are refused.
    """
    session = _session(conversation_id)
    given = read_items(body["items"])
    with in_their_places(given.places):
        items = add_items(session, given.messages)
    return json_response(list_json(items, has_more=False))


@routes.get(
    "/v1/conversations/{conversation_id}/items/{item_id}",
    access="sessions:read",
    responses={200: ResponseSpec("The item.", None)},
    errors=(ConversationNotFound, ItemNotFound),
)
def get_openai_conversation_item(conversation_id: str, item_id: str) -> Response:
    """Read an item of a conversation."""
    item = find_item(_session(conversation_id), item_id)
    if item is None:
        raise ItemNotFound(f"item with id {item_id!r:.150} not found in this conversation")
    return json_response(item)


@routes.delete(
    "/v1/conversations/{conversation_id}/items/{item_id}",
    access="sessions:write",
    audit="message.delete",
    responses=FOUND,
    errors=(ConversationNotFound, ItemNotFound),
)
def delete_openai_conversation_item(conversation_id: str, item_id: str) -> Response:
    """Remove an item that a client added; answer the conversation. What a response said goes with its run."""
    session = _session(conversation_id)
    if not remove_item(session, item_id):
        raise ItemNotFound(f"item with id {item_id!r:.150} not found in this conversation")
    return json_response(_conversation_json(session))


def conversation_not_found(id: str) -> ConversationNotFound:
    """Return the error for an id that names no conversation."""
    return ConversationNotFound(f"conversation with id {id!r:.150} not found")


def _session(id: str) -> Session:
    session_id = own_id(CONVERSATION, id)
    try:
        if session_id is not None:
            return server().sessions.get(session_id, caller())
    except SessionNotFound:
        pass
    raise conversation_not_found(id)


def _conversation_json(session: Session) -> dict[str, Any]:
    return {
        "id": conversation_id(session.id),
        "object": "conversation",
        "created_at": int(session.created_at.timestamp()),
        "metadata": dict(session.metadata),
    }
