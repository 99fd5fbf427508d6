"""Entity tags of sessions (RFC 9110, sections 8.8.3 and 13.1)."""

from __future__ import annotations

import re
from collections.abc import Callable

from flask import Request

from agentos.domain.session import Session
from agentos.errors import PreconditionFailed

_OURS = re.compile(r"v([0-9]{1,15})-[0-9a-f]+")


def session_etag(session: Session) -> str:
    """Return a session's tag. It changes with everything that GET shows, and begins with the version that PUT replaces.

    So that If-None-Match never hides a run that ended, while If-Match is not spoilt by one: a run changes nothing of
    what PUT writes.
    """
    seen = f"{int(session.updated_at.timestamp() * 1_000_000):x}{session.run_count:x}{session.total_tokens:x}"
    return f"v{session.version}-{seen}"


def expected_version(request: Request, present: Callable[[], Session]) -> int | None:
    """Return the version that ``If-Match`` asks for; ``None`` when it asks for none.

    ``present`` returns the session as it is, where several tags leave a choice. Raises
    :class:`~agentos.errors.PreconditionFailed` when no tag can match.
    """
    wanted = request.if_match
    if wanted.star_tag or not wanted:
        if "If-Match" in request.headers and not wanted.star_tag:
            raise _failed(present())
        return None
    versions = {int(match[1]) for tag in wanted if (match := _OURS.fullmatch(tag))}
    if len(versions) == 1:
        return versions.pop()
    session = present()
    if session.version not in versions:
        raise _failed(session)
    return session.version


def _failed(session: Session) -> PreconditionFailed:
    return PreconditionFailed(
        f'If-Match names none of the session\'s present tags; its ETag is now "{session_etag(session)}"'
    )
