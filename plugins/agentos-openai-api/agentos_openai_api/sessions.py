"""Which session a request is in: one that it names, or one that the client's own id of a chat stands for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from agentos import Message, Paging, RunFilter, Session
from agentos.web import InvalidRequest, caller, server, shown, this_request

SESSION_HEADER = "X-AgentOS-Session-Id"
SESSION_FIELD = "session_id"
"""The name in ``metadata``."""

DOOR = "openai"
"""Under which the clients' ids of chats are kept."""

Turn = tuple[str, str]
"""Who said something, and what."""

COMPARED = 200
"""Messages of a session that are compared with what the client says that was said."""


def named_session(metadata: Mapping[str, Any]) -> str | None:
    """Return the session that the request names in its header or its ``metadata``; ``None`` without one.

    Raises ``InvalidRequest`` for two that differ.
    """
    by_header = this_request().headers.get(SESSION_HEADER)
    by_field = metadata.get(SESSION_FIELD)
    if by_field is not None and not isinstance(by_field, str):
        raise InvalidRequest(f"field 'metadata.{SESSION_FIELD}' is {shown(by_field)}; accepted is a text")
    if by_header and by_field and by_header != by_field:
        raise InvalidRequest(
            f"the header {SESSION_HEADER} and the field 'metadata.{SESSION_FIELD}' name two sessions; accepted is one"
        )
    return by_header or by_field or None


def session_of_chat(agent_id: str, earlier: Sequence[Message], *, user_id: str | None) -> Session | None:
    """Return the session that the client's id of this chat stands for; ``None`` if the request is not its next turn.

    ``earlier`` is what the client says was said before. Clients send requests for titles and tags, and histories that
    a person has edited, under the same id: those must not become turns.
    """
    chat = _chat_id()
    if chat is None:
        return None
    # Several agents may answer in one chat, each with a history of its own.
    alias = f"{agent_id}/{chat}"
    said = turns_of(earlier)
    found = server().sessions.find_alias(DOOR, alias, caller())
    if found is None:
        return None if said else server().sessions.for_alias(DOOR, alias, caller(), agent_id=agent_id, user_id=user_id)
    newest = server().runs.list(RunFilter(session_id=found.id), Paging(limit=1), caller()).items
    if newest and not newest[0].status.finished:  # what it says is not in the history yet
        return None
    stored = server().sessions.history(found.id, caller(), limit=COMPARED).messages
    is_whole = len(stored) < COMPARED
    return found if is_next_turn(said, turns_of(one.message for one in stored), is_whole=is_whole) else None


def is_next_turn(said: Sequence[Turn], stored: Sequence[Turn], *, is_whole: bool) -> bool:
    """Return whether a client's turns are the last ones of a session. A client may have left out the oldest.

    Without ``is_whole``, only the last turns of the session are ``stored``, and the first of them may be a part of one.
    """
    if not said or not stored:
        return not said and not stored
    compared = len(said) if is_whole else min(len(said), len(stored) - 1)
    return list(said[-compared:]) == list(stored[-compared:])


def turns_of(messages: Iterable[Message]) -> list[Turn]:
    """Return who said what, without tools and without differences in white space.

    What an agent says in one turn, before and after its tools, is one message for a client.
    """
    texts = ((one.role, " ".join(one.content.split())) for one in messages if one.role in ("user", "assistant"))
    return [(role, " ".join(text for _, text in turn if text)) for role, turn in groupby(texts, key=lambda one: one[0])]


def _chat_id() -> str | None:
    names: Sequence[str] = server().config.plugin_settings["openai_chat_id_headers"]
    headers = this_request().headers
    return next((value for name in names if (value := headers.get(name, "").strip())), None)
