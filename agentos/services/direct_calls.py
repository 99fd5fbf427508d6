"""Calls of tools by hand: without a model and without a run, and with what a run would ask before them."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any

import orjson

from agentos.config import Config
from agentos.domain.ids import new_id
from agentos.domain.message import ToolCall
from agentos.domain.pending import PendingAction, PendingKind
from agentos.domain.principal import CALL_TOOLS, Principal
from agentos.errors import Forbidden, NotFound, RunRequired, ShuttingDown
from agentos.execution.worker import Worker
from agentos.observability.slow import SlowLog
from agentos.runtime.loop import ModelAgent
from agentos.services.agents import AgentService
from agentos.services.sessions import SessionService
from agentos.tools.call_step import CallStep
from agentos.tools.context import ToolContext
from agentos.tools.tool import Tool

WITHOUT_AGENT = ""
"""The agent's id that tools and hooks are shown where a call is for no agent. No agent can have it."""

MOST_NAMES = 50

WAITS_FOR = {
    PendingKind.APPROVAL: "needs an approval",
    PendingKind.INPUT: "asks a question",
    PendingKind.CLIENT_TOOL: "is executed by a client",
}

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallRequest:
    """A call that a client asks for. With ``agent_id`` it is made as that agent's, and its ``approve`` counts too."""

    caller: Principal
    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    agent_id: str | None = None
    session_id: str | None = None
    user_id: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectCall:
    """A call that was made: with a ``result`` or an ``error``, as a model would read them; ``duration`` in seconds."""

    id: str
    result: str | None
    error: str | None
    duration: float


class DirectCallService:
    """Calls tools for clients. Nothing of a call is kept but a line in the log."""

    def __init__(
        self, agents: AgentService, sessions: SessionService, worker: Worker, config: Config, *, slow: SlowLog
    ) -> None:
        self._slow = slow
        self._agents = agents
        self._sessions = sessions
        self._worker = worker
        self._config = config

    def call(self, request: ToolCallRequest) -> DirectCall:
        """Call a tool, and wait for its end or for the end of its time: its own, and that of a run.

        What the tool raises is the call's ``error``. Raises ``Forbidden`` for a caller that may not, and for what a
        plugin denies (or the error that the plugin gave); :class:`~agentos.errors.NotFound` for a tool that is not
        there, ``AgentNotFound``, ``SessionNotFound``; ``InvalidRequest`` for arguments that do not fit; and
        :class:`~agentos.errors.RunRequired` where a person or a client would have to be waited for.
        """
        if self._worker.draining:
            raise ShuttingDown("the server is about to stop and takes no new calls; try again in a moment")
        if not request.caller.may(CALL_TOOLS):
            raise Forbidden(f"calling a tool by hand needs a credential with scope {CALL_TOOLS!r}")
        tool, approve = self._find(request)
        call = ToolCall(new_id(), tool.name, orjson.dumps(request.arguments).decode())
        step = CallStep(turn=1, approve=approve)
        *_, event = (None, *self._agents.executor.execute([call], {tool.name: tool}, self._context(request), step=step))
        about = {"tool": request.tool, "agent_id": request.agent_id, "by": request.caller.id, "call_id": call.id}
        if (refusal := step.refused.get(call.id)) is not None:
            logger.info("a tool call by hand was refused", extra={**about, "code": refusal.code})
            raise refusal
        if step.pending:
            logger.info("a tool call by hand was refused", extra={**about, "code": RunRequired.code})
            raise _run_required(request.tool, step.pending[0])
        assert event is not None, "what has not to wait has an end"
        self._slow.note(event.duration or 0.0, event.tool_name, **about)
        logger.info("tool called by hand", extra={**about, "status": event.status, "duration": event.duration})
        return DirectCall(id=call.id, result=event.result, error=event.error, duration=event.duration or 0.0)

    def _find(self, request: ToolCallRequest) -> tuple[Tool, Set[str]]:
        installed = self._agents.tools.find(request.tool)
        if request.agent_id is None:
            if installed is None:
                raise NotFound(f"there is no tool {request.tool!r:.100}; GET /api/v1/tools lists the installed ones")
            return installed, frozenset()
        if not request.caller.may_run(request.agent_id):
            raise Forbidden(f"a call for agent {request.agent_id!r} needs a credential that may run it")
        agent = self._agents.resolve(request.agent_id)
        tools, approve = (agent.tools, agent.approve) if isinstance(agent, ModelAgent) else ({}, frozenset())
        # By the name that its model knows, or by the one that the agent names it by.
        tool = tools.get(request.tool) or (None if installed is None else tools.get(installed.name))
        if tool is None:
            names = ", ".join(sorted(tools)[:MOST_NAMES]) or "none"
            raise NotFound(f"agent {request.agent_id!r} has no tool {request.tool!r:.100}; its tools are {names}")
        return tool, approve

    def _context(self, request: ToolCallRequest) -> ToolContext:
        owner, user_id = request.caller.owner, request.user_id
        if request.session_id is not None:
            session = self._sessions.get(request.session_id, request.caller)
            owner, user_id = session.owner, session.user_id if user_id is None else user_id
        return ToolContext(
            run_id=new_id(),
            agent_id=WITHOUT_AGENT if request.agent_id is None else request.agent_id,
            owner=owner,
            session_id=request.session_id,
            user_id=user_id,
            request_id=request.request_id,
            deadline=time.monotonic() + self._config.request_timeout,
        )


def _run_required(tool: str, action: PendingAction) -> RunRequired:
    details = {"kind": action.kind.value, "message": action.message, "rule": action.rule}
    if action.kind is PendingKind.APPROVAL:
        details["approver"] = action.approver
    return RunRequired(
        f"tool {tool!r:.100} {WAITS_FOR[action.kind]}, for which only a run can wait: let an agent call it in a run",
        details={name: value for name, value in details.items() if value is not None},
    )
