"""Which session a request is in: one that it names, or one that the client's own id of a chat stands for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentos.web import SESSION_HEADER, ClientChat, InvalidRequest, server, session_header, shown, this_request

SESSION_FIELD = "session_id"
"""The name in ``metadata``."""

DOOR = "openai"
"""Under which the clients' ids of chats are kept."""


def named_session(metadata: Mapping[str, Any]) -> str | None:
    """Return the session that the request names in its header or its ``metadata``; ``None`` without one.

    Raises ``InvalidRequest`` for two that differ.
    """
    by_header = session_header()
    by_field = metadata.get(SESSION_FIELD)
    if by_field is not None and not isinstance(by_field, str):
        raise InvalidRequest(f"field 'metadata.{SESSION_FIELD}' is {shown(by_field)}; accepted is a text")
    if by_header and by_field and by_header != by_field:
        raise InvalidRequest(
            f"the header {SESSION_HEADER} and the field 'metadata.{SESSION_FIELD}' name two sessions; accepted is one"
        )
    return by_header or by_field or None


def client_chat() -> ClientChat | None:
    """Return the client's own id of this chat, if a header of the request has one."""
    names: Sequence[str] = server().config.plugin_settings["openai_chat_id_headers"]
    headers = this_request().headers
    id = next((value for name in names if (value := headers.get(name, "").strip())), None)
    return None if id is None else ClientChat(DOOR, id)
