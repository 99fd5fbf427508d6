"""Sessions: create, find, change, delete; their history and summary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, request, url_for

from agentos.api.kit.callers import caller
from agentos.api.kit.etags import expected_version, session_etag
from agentos.api.kit.idempotency import REQUEST_HEADER, RESPONSE_HEADER, idempotency_key, replayed_header
from agentos.api.kit.paging import page_json
from agentos.api.kit.routes import ResponseSpec, Routes, json_response, services
from agentos.api.v1.schemas.queries import SessionQuery
from agentos.api.v1.schemas.sessions import (
    DeletedSchema,
    ForkSchema,
    NewSessionSchema,
    SessionChangesSchema,
    SessionListSchema,
    SessionReuseSchema,
    SessionSchema,
)
from agentos.api.v1.serializers import session_json
from agentos.domain.session import Session
from agentos.errors import (
    IdempotencyConflict,
    IdempotencyMismatch,
    InvalidRequest,
    PreconditionFailed,
    RunNotFound,
    SessionNotFound,
)
from agentos.storage.sessions import SessionChanges, SessionFilter
from agentos.storage.text_query import phrases_of

routes = Routes("sessions", "Conversations that last: what was said, whose they are, what the client keeps with them.")

PIECE = 100
"""Sessions that are read at once for a list; each holds little more than its metadata and state."""

ETAG = {"ETag": "The session's tag, for `If-Match` and `If-None-Match`."}
LINKS = {
    name: {"session_id": "$response.body#/session_id"}
    for name in (
        "get_session",
        "update_session",
        "delete_session",
        "get_session_history",
        "make_session_summary",
        "get_session_summary",
        "reuse_session",
        "fork_session",
    )
}
CREATED = ResponseSpec(
    "The new session.",
    SessionSchema,
    headers={"Location": "The session's address.", **ETAG},
    sometimes=RESPONSE_HEADER,
    links=LINKS,
)
FILTERS = ("agent_id", "user_id", "team_id", "workflow_id")


@routes.post(
    "/api/v1/sessions",
    access="sessions:write",
    body=NewSessionSchema,
    responses={201: CREATED},
    request_headers=REQUEST_HEADER,
    errors=(IdempotencyConflict, IdempotencyMismatch),
)
def create_session(body: dict[str, Any]) -> Response:
    """Create a session.

    A session belongs to an agent, which need not be registered yet.
    """
    made = services().sessions.create(**body, idempotency=idempotency_key(request, body), caller=caller())
    return _new_session_response(*made)


@routes.get(
    "/api/v1/sessions",
    access="sessions:read",
    query=SessionQuery,
    responses={200: ResponseSpec("A part of the list.", SessionListSchema)},
)
def list_sessions(query: dict[str, Any]) -> Response:
    """List sessions.

    The newest activity comes first. Their `state` is left out unless `include=state`. Filters are and-ed, and exact but
    for `q` and `q_text`. The list is stable while sessions are added, if it is read with `cursor`.
    """
    exact = {name: query[name] for name in FILTERS if name in query}
    where = SessionFilter(
        **exact, name_contains=query.get("q"), said=phrases_of(query["q_text"]) if "q_text" in query else None
    )
    as_json = session_json if "include" in query else _listed_json
    answer = page_json(
        "session", query, lambda part: services().sessions.list(where, part, caller()), as_json, piece=PIECE
    )
    if query["include_total"]:
        answer["total"] = services().sessions.count(where, caller())
    return json_response(answer)


@routes.get(
    "/api/v1/sessions/{session_id}",
    access="sessions:read",
    responses={
        200: ResponseSpec("The session.", SessionSchema, headers=ETAG),
        304: ResponseSpec("It is as `If-None-Match` says.", headers=ETAG),
    },
    request_headers={"If-None-Match": "Tags that the client has: 304 if one is the present one."},
    errors=(SessionNotFound,),
)
def get_session(session_id: str) -> Response:
    """Read a session."""
    session = services().sessions.get(session_id, caller())
    if request.if_none_match.contains_weak(session_etag(session)):
        answer = Response(status=304)
        answer.set_etag(session_etag(session))
        return answer
    return _session_response(session)


@routes.put(
    "/api/v1/sessions/{session_id}",
    access="sessions:write",
    body=SessionChangesSchema,
    responses={200: ResponseSpec("The session as it is now.", SessionSchema, headers=ETAG)},
    request_headers={"If-Match": "Change it only if its present tag is one of these; `*`: if it is there."},
    errors=(SessionNotFound, PreconditionFailed),
)
def update_session(session_id: str, body: dict[str, Any]) -> Response:
    """Change a session's name, metadata or state.

    What is given replaces what was there, what is absent stays, `null` clears.
    """
    version = expected_version(request, lambda: services().sessions.get(session_id, caller()), session_etag)
    return _session_response(_changed(session_id, SessionChanges(**_cleared(body)), version))


@routes.delete(
    "/api/v1/sessions/{session_id}",
    access="sessions:write",
    audit="session.delete",
    responses={200: ResponseSpec("It is gone.", DeletedSchema)},
    errors=(SessionNotFound,),
)
def delete_session(session_id: str) -> Response:
    """Delete a session.

    Its messages, runs and events go too; a run under way is cancelled.
    """
    services().sessions.delete(session_id, caller())
    return json_response({"message": "session deleted"})


@routes.post(
    "/api/v1/sessions/{session_id}/reuse",
    access="sessions:write",
    body=SessionReuseSchema,
    responses={200: ResponseSpec("The session as it is now.", SessionSchema, headers=ETAG)},
    errors=(SessionNotFound,),
)
def reuse_session(session_id: str, body: dict[str, Any]) -> Response:
    """Point a session at another agent, user, team or workflow.

    At least one of them; its history stays. `null` clears, but for the agent.
    """
    if not body:
        raise InvalidRequest(f"nothing to change was given; accepted is at least one of {', '.join(FILTERS)}")
    return _session_response(_changed(session_id, SessionChanges(**body)))


@routes.post(
    "/api/v1/sessions/{session_id}/fork",
    access="sessions:write",
    body=ForkSchema,
    body_required=False,
    responses={201: CREATED},
    request_headers=REQUEST_HEADER,
    errors=(SessionNotFound, RunNotFound, IdempotencyConflict, IdempotencyMismatch),
)
def fork_session(session_id: str, body: dict[str, Any]) -> Response:
    """Fork a session.

    The new session begins with what was said in this one, up to a run or to the end. Each lives on by itself.
    """
    given = {**body}
    before_run_id = given.pop("before_run_id", None)
    made = services().sessions.fork(
        session_id,
        SessionChanges(**_cleared(given)),
        before_run_id=before_run_id,
        idempotency=idempotency_key(request, body),
        caller=caller(),
    )
    return _new_session_response(*made)


def _cleared(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is given, where ``null`` stands for an empty object."""
    return {name: {} if value is None and name in ("metadata", "state") else value for name, value in body.items()}


def _listed_json(session: Session) -> dict[str, Any]:
    """Return a session as lists show it: without its state, which may be larger than all the rest."""
    shown = session_json(session)
    del shown["state"]
    return shown


def _new_session_response(session: Session, replayed: bool) -> Response:
    where = {"Location": url_for("sessions.get_session", session_id=session.id)}
    return _session_response(session, 201, {**where, **replayed_header(replayed)})


def _changed(session_id: str, changes: SessionChanges, version: int | None = None) -> Session:
    if changes.given():
        return services().sessions.update(session_id, changes, caller(), expected_version=version)
    session = services().sessions.get(session_id, caller())
    if version is not None and session.version != version:
        raise PreconditionFailed(f"the session is at version {session.version}, not {version}; read it again")
    return session


def _session_response(session: Session, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    answer = json_response(session_json(session), status, headers)
    answer.set_etag(session_etag(session))
    return answer
