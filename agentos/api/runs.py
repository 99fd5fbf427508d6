"""Running agents, and finding their runs again."""

from __future__ import annotations

import logging
from collections.abc import Set
from typing import Any

from flask import Response

from agentos.api.errors import run_error_answer
from agentos.api.paging import page_json, paging
from agentos.api.representations import run_answer_json, run_json
from agentos.api.routes import Answer, Routes, json_answer, services
from agentos.api.schemas.media import read_media
from agentos.api.schemas.query_fields import RunQuery, RunStartQuery, StreamQuery
from agentos.api.schemas.runs import RunAnswerSchema, RunListSchema, RunRequestSchema, RunSchema
from agentos.api.sse import HEADERS, stream_frames
from agentos.domain.run import RunStatus
from agentos.errors import (
    AgentNotFound,
    ExecutionError,
    InvalidMedia,
    RunCancelled,
    RunNotFound,
    RunTimeout,
    SessionNotFound,
    ShuttingDown,
)
from agentos.execution.live import LiveRun
from agentos.services.runs import RunRequest
from agentos.storage.interface import RunFilter

routes = Routes("runs", "One execution of an agent each: started, answered or streamed, and kept.")

GRACE = 15.0
"""Seconds after its deadline in which a run must have been stopped and saved; the runner needs two or three."""

RUN_ID = {"X-Run-ID": "The run's id."}
REFUSALS = (AgentNotFound, SessionNotFound, InvalidMedia, ShuttingDown)

logger = logging.getLogger(__name__)


@routes.post(
    "/api/v1/agents/{agent_id}/run",
    query=RunStartQuery,
    body=RunRequestSchema,
    answers={
        200: Answer(
            description="The run has completed and is saved. With `stream` or `stream_events`: its stream.",
            schema=RunAnswerSchema,
            media_types=("application/json", "text/event-stream"),
            headers=RUN_ID,
            links={"get_run": {"run_id": "$response.body#/run_id"}},
        )
    },
    errors=(*REFUSALS, ExecutionError, RunCancelled),
)
def run_agent(agent_id: str, query: dict[str, Any], body: dict[str, Any]) -> Response:
    """Run an agent and wait for its answer.

    A run that has not ended within the server's request timeout is stopped, and answers 504. A client that goes away
    changes nothing for the run; `GET /api/v1/runs/{run_id}` has its end.
    """
    streamed = body["stream"] or query["stream_events"]
    live = _start(agent_id, body, streamed=streamed)
    return _stream_answer(live, query.get("types", frozenset())) if streamed else _wait_answer(live)


@routes.post(
    "/api/v1/agents/{agent_id}/run/stream",
    query=StreamQuery,
    body=RunRequestSchema,
    answers={200: Answer(description="The run's stream.", media_types=("text/event-stream",), headers=RUN_ID)},
    errors=REFUSALS,
)
def stream_agent(agent_id: str, query: dict[str, Any], body: dict[str, Any]) -> Response:
    """Run an agent and stream what it says and does.

    Whatever can be refused is refused with a status and a JSON error before the first byte of the stream. `run_start`
    is the first event; exactly one of `complete` and `error` is the last. Joined, the `token`s of the last turn are the
    output, to the byte. `id` counts the run's events: 1, 2, 3 … without a gap, unless `types` filters.
    """
    return _stream_answer(_start(agent_id, body, streamed=True), query.get("types", frozenset()))


@routes.get(
    "/api/v1/runs/{run_id}",
    answers={200: Answer(description="The run.", schema=RunSchema)},
    errors=(RunNotFound,),
)
def get_run(run_id: str) -> Response:
    """Read a run: where it stands, what was asked and answered, what it cost."""
    return json_answer(run_json(services().runs.get(run_id)))


@routes.get(
    "/api/v1/runs",
    query=RunQuery,
    answers={200: Answer(description="A part of the list.", schema=RunListSchema)},
)
def list_runs(query: dict[str, Any]) -> Response:
    """List runs.

    The newest come first. Filters are exact and and-ed. The list is stable while runs are added, if it is read with
    `cursor`.
    """
    status = query.get("status")
    where = RunFilter(
        session_id=query.get("session_id"),
        agent_id=query.get("agent_id"),
        status=None if status is None else RunStatus(status),
    )
    return json_answer(page_json("runs", "run", services().runs.list(where, paging(query)), run_json))


def _start(agent_id: str, body: dict[str, Any], *, streamed: bool) -> LiveRun:
    request = RunRequest(
        agent_id=agent_id,
        input=body["input"],
        media=read_media(body.get("media", [])),
        session_id=body.get("session_id"),
        user_id=body.get("user_id"),
        metadata=body.get("metadata", {}),
        context=body.get("run_context", {}),
        streamed=streamed,
    )
    return services().runs.start(request)


def _wait_answer(live: LiveRun) -> Response:
    if live.stream.wait(services().config.request_timeout + GRACE) is None:
        logger.error("a run did not end after its deadline", extra={"run_id": live.run.id})
        raise RunTimeout("the run was to be stopped, but has not ended yet", details={"run_id": live.run.id})
    run = live.run
    answer = json_answer(run_answer_json(run)) if run.error is None else run_error_answer(run.error)
    answer.headers["X-Run-ID"] = run.id
    return answer


def _stream_answer(live: LiveRun, types: Set[str]) -> Response:
    frames = stream_frames(live.stream, types=types, heartbeat=services().config.heartbeat_interval)
    return Response(frames, headers={**HEADERS, "X-Run-ID": live.run.id})
