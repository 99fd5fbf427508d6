"""Sessions to hashes and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentos.backends import ForkedFrom, Session, dumps, loads
from agentos_redis.storage.values import stamp, text_of, text_or_none, time_of

_IDS = ("agent_id", "user_id", "team_id", "workflow_id")
_DOCUMENTS = ("name", "metadata", "state")


def session_values(session: Session) -> dict[str, Any]:
    """Return the fields of a new session."""
    given = {name: getattr(session, name) for name in (*_IDS, *_DOCUMENTS)}
    fields, _ = changed_values(given)
    fields.update(owner=session.owner, created=stamp(session.created_at))
    fields.update({name: getattr(session, name) for name in ("run_count", "total_tokens", "version")})
    if session.forked_from is not None:
        fields["forked"] = forked_text(session.forked_from)
    return fields


def changed_values(given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the fields of what is changed, and the names of those that have no value any more."""
    fields = {name: dumps(value) if name in _DOCUMENTS else value for name, value in given.items() if value is not None}
    return fields, [name for name, value in given.items() if value is None]


def forked_text(forked_from: ForkedFrom) -> str:
    """Return what a fork is of, as it is stored."""
    return dumps([forked_from.session_id, forked_from.before_run_id])


def session_of(row: Sequence[Any]) -> Session:
    """Return the session of a row."""
    session_id, owner, agent, user, team, workflow, name, metadata, state, *numbers, created, updated, forked = row
    run_count, total_tokens, version = map(int, numbers)
    return Session(
        id=text_of(session_id),
        owner=text_of(owner),
        agent_id=text_of(agent),
        user_id=text_or_none(user),
        team_id=text_or_none(team),
        workflow_id=text_or_none(workflow),
        name=None if name is None else loads(text_of(name)),
        metadata=loads(text_of(metadata)),
        state=loads(text_of(state)),
        run_count=run_count,
        total_tokens=total_tokens,
        version=version,
        created_at=time_of(created),
        updated_at=time_of(updated),
        forked_from=None if forked is None else ForkedFrom(**_forked(loads(text_of(forked)))),
    )


def _forked(stored: list[str]) -> dict[str, str]:
    return dict(zip(("session_id", "before_run_id"), stored, strict=True))
