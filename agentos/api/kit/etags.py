"""Entity tags of sessions and stored agents (RFC 9110, sections 8.8.3 and 13.1)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol, TypeVar

from flask import Request

from agentos.domain.session import Session
from agentos.errors import PreconditionFailed
from agentos.services.agent_info import AgentInfo


class Versioned(Protocol):
    """What has a version that counts up; ``None``: it never changes."""

    @property
    def version(self) -> int | None: ...  # noqa: D102


T = TypeVar("T", bound=Versioned)

_OURS = re.compile(r"v([0-9]{1,15})-[0-9a-f]+")


def session_etag(session: Session) -> str:
    """Return a session's tag. It changes with everything that GET shows, and begins with the version that PUT replaces.

    So that If-None-Match never hides a run that ended, while If-Match is not spoilt by one: a run changes nothing of
    what PUT writes.
    """
    seen = f"{int(session.updated_at.timestamp() * 1_000_000):x}{session.run_count:x}{session.total_tokens:x}"
    return f"v{session.version}-{seen}"


def agent_etag(agent: AgentInfo) -> str:
    """Return the tag of a stored agent. The time tells apart what two databases may have under one number."""
    stored_at = 0 if agent.updated_at is None else int(agent.updated_at.timestamp() * 1_000_000)
    return f"v{agent.version}-{stored_at:x}"


def expected_version(request: Request, present: Callable[[], T], etag: Callable[[T], str]) -> int | None:
    """Return the version that ``If-Match`` asks for; ``None`` when it asks for none.

    ``present`` returns the thing as it is, where several tags leave a choice. Raises
    :class:`~agentos.errors.PreconditionFailed` when no tag can match.
    """
    wanted = request.if_match
    if wanted.star_tag or not wanted:
        if "If-Match" in request.headers and not wanted.star_tag:
            raise _failed(etag(present()))
        return None
    versions = {int(match[1]) for tag in wanted if (match := _OURS.fullmatch(tag))}
    if len(versions) == 1:
        return versions.pop()
    found = present()
    if found.version is None or found.version not in versions:
        raise _failed(etag(found))
    return found.version


def _failed(tag: str) -> PreconditionFailed:
    return PreconditionFailed(f'If-Match names none of the present tags; the ETag is now "{tag}"')
