"""What a chat request asks for, whichever protocol it came by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from agentos.api.kit.callers import caller
from agentos.api.kit.chat.overrides import refuse
from agentos.api.kit.chat.sessions import ClientChat, session_of_chat
from agentos.api.kit.current import this_request
from agentos.api.kit.idempotency import idempotency_key
from agentos.api.kit.middleware import request_id
from agentos.domain.message import Message
from agentos.domain.run_request import RunRequest
from agentos.domain.stored_request import ModelOverrides


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """A conversation, and what an agent shall say next in it.

    ``body`` is the request as read. ``messages`` have no system messages; the last one is the user's, or a tool's.
    ``results`` are the tools' messages behind the user's last words, as the run that waits for them gets them, and
    ``failed_calls`` the ids of those calls that failed.
    ``places`` has the field of each message in the client's request.
    ``session_id`` is a session that the request names: only the newest message of the user counts then. ``chat`` is the
    client's own name of the conversation.
    """

    body: Mapping[str, Any]
    agent_id: str
    messages: tuple[Message, ...]
    places: Sequence[str]
    results: tuple[Message, ...]
    failed_calls: frozenset[str] = frozenset()
    overrides: ModelOverrides
    streamed: bool
    session_id: str | None = None
    chat: ClientChat | None = None
    user_id: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


def trailing_results(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Return the tools' messages behind the user's last words, oldest first; none if the conversation ends otherwise.

    Assistant's messages may stand between them: some clients write each of several calls with its result behind it.
    """
    if not messages or messages[-1].role != "tool":
        return ()
    tail = takewhile(lambda message: message.role != "user", reversed(messages))
    return tuple(message for message in tail if message.role == "tool")[::-1]


def run_request(chat: ChatRequest) -> RunRequest:
    """Return the request for a new run: in a session with the user's newest message, else of the conversation."""
    common: dict[str, Any] = {
        "caller": caller(),
        "agent_id": chat.agent_id,
        "user_id": chat.user_id,
        "metadata": chat.metadata,
        **({"overrides": chat.overrides} if chat.overrides.names else {}),  # of a plain run, none are stored
        "idempotency": idempotency_key(
            this_request(), chat.body, chat.session_id, None if chat.chat is None else chat.chat.id
        ),
        "request_id": request_id(),
    }
    newest = chat.messages[-1]
    session_id = chat.session_id
    if session_id is not None and newest.role != "user":
        refuse(
            "messages",
            "end with a tool's message that answers no paused run; in a session, only a new message of the user begins"
            " a run",
        )
    if session_id is None and newest.role == "user" and chat.chat is not None:
        session = session_of_chat(chat.chat, chat.agent_id, chat.messages[:-1], user_id=chat.user_id)
        session_id = None if session is None else session.id
    if session_id is None:
        return RunRequest(messages=chat.messages, **common)
    return RunRequest(session_id=session_id, input=newest.content, media=newest.media, **common)
