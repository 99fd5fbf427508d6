"""Domain values as the JSON of answers; the schemas describe the same."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from agentos.api.kit.pending import pending_actions
from agentos.api.v1.decisions import answer_json, decisions_json
from agentos.api.v1.definitions import definition_json
from agentos.domain.pending import PendingAction, pending_json
from agentos.domain.remembered import ApprovalRule
from agentos.domain.run import Run, RunError
from agentos.domain.session import ForkedFrom, Session, Summary
from agentos.domain.times import rfc3339
from agentos.services.agent_info import AgentInfo
from agentos.services.timeline import child_json, timeline_of, timing_of
from agentos.storage.agents import AgentVersion
from agentos.storage.history import StoredMessage
from agentos.storage.pauses import WaitingAction


def session_json(session: Session) -> dict[str, Any]:
    """Return a session as it is shown."""
    shown: dict[str, Any] = {
        "session_id": session.id,
        "agent_id": session.agent_id,
        "owner": session.owner,
        "user_id": session.user_id,
        "team_id": session.team_id,
        "workflow_id": session.workflow_id,
        "name": session.name,
        "metadata": dict(session.metadata),
        "state": dict(session.state),
        "run_count": session.run_count,
        "total_tokens": session.total_tokens,
        "created_at": rfc3339(session.created_at),
        "updated_at": rfc3339(session.updated_at),
    }
    if session.forked_from is not None:
        shown["forked_from"] = _forked_from_json(session.forked_from)
    return shown


def _forked_from_json(origin: ForkedFrom) -> dict[str, str]:
    shown = {"session_id": origin.session_id}
    return shown if origin.before_run_id is None else {**shown, "before_run_id": origin.before_run_id}


def summary_json(summary: Summary) -> dict[str, Any]:
    """Return a summary as it is shown."""
    return {
        "content": summary.content,
        "run_count": summary.run_count,
        "total_tokens": summary.total_tokens,
        "created_at": rfc3339(summary.created_at),
    }


def message_json(stored: StoredMessage) -> dict[str, Any]:
    """Return a message in its place in a session."""
    message = stored.message
    shown: dict[str, Any] = {
        "sequence": stored.sequence,
        "run_id": stored.run_id,
        "role": message.role,
        "content": message.content,
    }
    if message.tool_calls:
        shown["tool_calls"] = [
            {"id": call.id, "name": call.name, "arguments": call.arguments} for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        shown["tool_call_id"] = message.tool_call_id
    if message.media:
        shown["media"] = [media.describe() for media in message.media]
    shown["created_at"] = rfc3339(stored.created_at)
    return shown


def run_json(run: Run) -> dict[str, Any]:
    """Return a run as it is saved."""
    return {
        "run_id": run.id,
        "agent_id": run.agent_id,
        "agent_version": run.agent_version,
        "owner": run.owner,
        "session_id": run.session_id,
        "user_id": run.user_id,
        "status": run.status.value,
        "input": run.input,
        "media": [media.describe() for media in run.media],
        "content": run.content,
        "reasoning": run.reasoning,
        "model": run.model,
        "finish_reason": run.finish_reason,
        "error": None if run.error is None else _error_json(run.error),
        "usage": run.usage.to_dict(),
        "loops": run.loops,
        "crashes": run.crashes,
        "duration": run.duration,
        "metadata": dict(run.metadata),
        "run_context": dict(run.context),
        "created_at": rfc3339(run.created_at),
        "started_at": _time(run.started_at),
        "ended_at": _time(run.ended_at),
    }


def run_detail_json(run: Run, actions: Sequence[PendingAction], children: Sequence[Run] = ()) -> dict[str, Any]:
    """Return a run as it is saved, with its steps, its times, what it waits for and what was decided.

    Lists leave these out. ``actions`` are all that it has waited for, ``children`` the runs that it made.
    """
    spans = timeline_of(run, actions)
    return run_json(run) | {
        "pending": pending_actions(run),
        "decisions": decisions_json(run, actions),
        "steps": [step.to_dict() for step in run.steps],
        "timeline": [span.to_dict() for span in spans],
        "timing": timing_of(spans),
        "children": [child_json(run, child) for child in children],
    }


def run_answer_json(run: Run) -> dict[str, Any]:
    """Return a completed run as the answer to the request that asked for it."""
    answer: dict[str, Any] = {
        "run_id": run.id,
        "status": run.status.value,
        "content": run.content or "",
        "model": run.model,
        "finish_reason": run.finish_reason,
    }
    if run.session_id is not None:
        answer["session_id"] = run.session_id
    answer["metadata"] = {
        "agent_id": run.agent_id,
        "loops": run.loops,
        "duration": run.duration or 0.0,
        "usage": run.usage.to_dict(),
        "media": [media.describe() for media in run.media],
    }
    return answer


def paused_run_json(run: Run) -> dict[str, Any]:
    """Return a paused run as the answer to the request that asked for it."""
    answer: dict[str, Any] = {"run_id": run.id, "status": run.status.value, "agent_id": run.agent_id}
    if run.session_id is not None:
        answer["session_id"] = run.session_id
    return answer | {"pending": pending_actions(run)}


def waiting_json(waiting: WaitingAction) -> dict[str, Any]:
    """Return an action that waits for an answer, with the run that waits for it."""
    return {
        "run_id": waiting.run_id,
        "agent_id": waiting.agent_id,
        "owner": waiting.owner,
        "session_id": waiting.session_id,
        "user_id": waiting.user_id,
        **pending_json(waiting.action),
        "created_at": rfc3339(waiting.action.created_at),
    }


def approval_json(found: WaitingAction) -> dict[str, Any]:
    """Return an action with its run and, if it has one, its answer."""
    answer = found.action.answer
    shown = waiting_json(found)
    return shown if answer is None else shown | {"answer": answer_json(found.action.kind, answer)}


def approval_rule_json(rule: ApprovalRule) -> dict[str, Any]:
    """Return a remembered decision as it is shown; what it lacks is left out."""
    scope = rule.scope
    shown = {
        "id": rule.id,
        "owner": scope.owner,
        "session_id": scope.session_id,
        "agent_id": scope.agent_id,
        "tool": scope.tool,
        "rule": scope.rule,
        "decision": rule.decision,
        "message": rule.message,
        "answered_by": rule.answered_by,
        "answered_as": rule.answered_as,
        "answered_at": rfc3339(rule.answered_at),
        "address": rule.address,
        "run_id": rule.run_id,
        "action_id": rule.action_id,
    }
    return {name: value for name, value in shown.items() if value is not None}


def agent_json(agent: AgentInfo) -> dict[str, Any]:
    """Return an agent as lists show it."""
    return {
        "id": agent.id,
        "name": agent.name,
        "description": agent.description,
        "model": agent.model,
        "tools": list(agent.tools),
        "source": agent.source,
    }


def agent_detail_json(agent: AgentInfo) -> dict[str, Any]:
    """Return an agent with its definition, where it is a stored one."""
    shown = agent_json(agent)
    if agent.document:
        shown["definition"] = definition_json(agent.document)
    if agent.version is not None:
        shown["version"] = agent.version
    for name, time in (("created_at", agent.created_at), ("updated_at", agent.updated_at)):
        if time is not None:
            shown[name] = rfc3339(time)
    return shown


def agent_version_json(version: AgentVersion) -> dict[str, Any]:
    """Return a version of an agent as lists show it."""
    return {
        "agent_id": version.agent_id,
        "version": version.version,
        "author": version.author,
        "comment": version.comment,
        "created_at": rfc3339(version.created_at),
    }


def agent_version_detail_json(version: AgentVersion) -> dict[str, Any]:
    """Return a version of an agent with its definition."""
    return agent_version_json(version) | {"definition": definition_json(version.document)}


def _error_json(error: RunError) -> dict[str, Any]:
    return {"error": error.error, "message": error.message, "code": error.code, "details": dict(error.details)}


def _time(time: datetime | None) -> str | None:
    return None if time is None else rfc3339(time)
