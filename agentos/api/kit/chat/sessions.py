"""Which session a request is in: one that it names, or one that the client's own id of a chat stands for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from agentos.api.kit.callers import caller
from agentos.api.kit.current import this_request
from agentos.api.kit.plugin_server import server
from agentos.domain.message import Message
from agentos.domain.session import Session
from agentos.storage.paging import Paging
from agentos.storage.runs import RunFilter

SESSION_HEADER = "X-AgentOS-Session-Id"
"""The header in which a request names its session."""

Turn = tuple[str, str]
"""Who said something, and what."""

COMPARED = 200
"""Messages of a session that are compared with what the client says that was said."""


@dataclass(frozen=True, slots=True)
class ClientChat:
    """A client's own id of a conversation, and the ``door`` under which it is kept."""

    door: str
    id: str


def session_header() -> str | None:
    """Return the session that the request's header names; ``None`` without one."""
    return this_request().headers.get(SESSION_HEADER) or None


def session_of_chat(
    chat: ClientChat, agent_id: str, earlier: Sequence[Message], *, user_id: str | None
) -> Session | None:
    """Return the session that a client's id of a chat stands for; ``None`` if the request is not its next turn.

    ``earlier`` is what the client says was said before. Clients send requests for titles and tags, and histories that
    a person has edited, under the same id: those must not become turns.
    """
    # Several agents may answer in one chat, each with a history of its own.
    alias = f"{agent_id}/{chat.id}"
    said = turns_of(earlier)
    found = server().sessions.find_alias(chat.door, alias, caller())
    if found is None:
        if said:
            return None
        return server().sessions.for_alias(chat.door, alias, caller(), agent_id=agent_id, user_id=user_id)
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
