"""What the calls of one step of a run may wait for, and the answers that there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from agentos.domain.ids import new_id
from agentos.domain.message import ToolCall
from agentos.domain.pending import Answer, Approver, Pending, PendingAction, PendingKind
from agentos.domain.times import utc_now
from agentos.errors import AgentOSError, InvalidRequest
from agentos.tools.action_hash import arguments_hash, canonical
from agentos.tools.questions import RunQuestions, answered, expiry, last_answered
from agentos.tools.tool import Tool

CHANGED = "its arguments or its schema are not what was {} any more"


@dataclass(eq=False)
class CallStep:
    """One step of a run. ``turn`` counts the steps, so that an answer counts for a call of its own step alone.

    ``approve`` are names of tools that a person has to approve. ``actions`` are those of the run, with their answers,
    where the step continues after a pause; else none. ``pending`` is what the step waits for, once it was executed.
    ``refused`` says, by the ids of calls, why they were not made: their arguments are not accepted, or they were
    denied. With ``may_wait`` off, a call that would have to wait fails instead.
    """

    turn: int
    approve: Set[str] = frozenset()
    actions: Sequence[PendingAction] = ()
    pending: list[PendingAction] = field(default_factory=list)
    refused: dict[str, AgentOSError] = field(default_factory=dict)
    may_wait: bool = True


class CallAnswers:
    """What was answered about one call, if the call is still what was asked about.

    ``call`` and ``arguments`` are those that run: the model's, or an approver's. ``refusal`` says why it must not run.
    """

    def __init__(
        self, call: ToolCall, tool: Tool, arguments: Mapping[str, Any], step: CallStep, *, agent_id: str
    ) -> None:
        self.call = call
        self.arguments = dict(arguments)
        self.approved_as: Approver | None = None
        """As what an approver has approved the call as it is now."""
        self.refusal: str | None = None
        self.of_client: Answer | None = None
        """What the client gave, which executed the tool itself."""
        self._tool = tool
        self._step = step
        self._agent_id = agent_id
        if not step.actions:
            return
        approvals = answered(step.actions, call, PendingKind.APPROVAL, turn=step.turn)
        if approvals:
            self._take_approvals(approvals)
        executed = last_answered(step.actions, self.call, PendingKind.CLIENT_TOOL, turn=step.turn)
        if executed is not None and self.refusal is None:
            if self._is_same(executed):
                self.of_client = executed.answer
            else:
                self.refusal = f"the client's result does not count: {CHANGED.format('asked for')}"

    @property
    def asked(self) -> bool:
        """Whether the call began before a pause, and asked a question."""
        return any(
            one.kind is PendingKind.INPUT and (one.call.id, one.turn) == (self.call.id, self._step.turn)
            for one in self._step.actions
        )

    def are_approved_by(self, approver: Approver) -> bool:
        """Return whether the call was approved by one who may: where another person has to, the owner does not count.

        Which approver it needs is asked again before it runs: other arguments may need another one.
        """
        return self.approved_as == "other" or self.approved_as == approver

    def questions(self, pause_timeout: float | None) -> RunQuestions:
        """Return what the call's tool asks with."""
        return RunQuestions(self.call, self._hash, self._step.actions, self._step.turn, pause_timeout)

    def action(
        self, kind: PendingKind, pending: Pending, pause_timeout: float | None, rule: str | None = None
    ) -> PendingAction:
        """Return what the call waits for."""
        seconds = pause_timeout if pending.expires_in is None else pending.expires_in
        return PendingAction(
            id=new_id(),
            kind=kind,
            call=self.call,
            arguments_hash=self._hash(),
            turn=self._step.turn,
            message=pending.message or None,
            created_at=utc_now(),
            expires_at=expiry(seconds),
            approver=pending.approver,
            # Without the result of its tool, or an answer to its question, a run cannot continue.
            on_expiry=pending.on_expiry if kind is PendingKind.APPROVAL else "fail",
            remember=pending.remember,
            rule=rule,
        )

    def _take_approvals(self, approvals: Sequence[PendingAction]) -> None:
        """Follow the approvals of the call. There are several where an edit needed another approver than the first."""
        versions: list[str] = []
        refusal: str | None = None
        for action in approvals:
            shown, answer = self._shown(action), action.answer
            if shown is None or answer is None or (versions and canonical(shown) != versions[-1]):
                self.refusal = f"not called: {CHANGED.format('asked about')}"
                return
            versions.append(canonical(shown))
            if answer.decision != "approve":
                refusal = f"not called: it was rejected{f': {answer.message}' if answer.message else ''}"
            elif answer.arguments is not None:
                if answer.arguments_hash != edited_hash(action, self._tool, answer.arguments):
                    refusal = f"not called: {CHANGED.format('approved')}"
                versions.append(canonical(answer.arguments))
        # After a second pause, the transcript may have an approver's arguments in place of the model's.
        if canonical(self.arguments) not in versions:
            refusal = f"not called: {CHANGED.format('asked about')}"
        self.refusal = refusal
        if refusal is None:
            assert answer is not None
            self.approved_as = answer.answered_as or "owner"
            if len(set(versions)) > 1:
                self.call = replace(self.call, arguments=versions[-1])
                self.arguments = orjson.loads(versions[-1])

    def _shown(self, action: PendingAction) -> dict[str, Any] | None:
        """Return the arguments that people were shown; ``None`` unless the action is about this tool as it is now."""
        if action.call.name != self.call.name:
            return None
        return shown_arguments(action, self._tool, self._agent_id)

    def _is_same(self, action: PendingAction) -> bool:
        """Tell whether an action is about this call: as people were shown it, as it is now, and by its hash."""
        shown = self._shown(action)
        return shown is not None and canonical(shown) == canonical(self.arguments)

    def _hash(self, *also: Any) -> str:
        return arguments_hash(self._agent_id, self._tool.spec, self.arguments, self._step.turn, *also)


def shown_arguments(action: PendingAction, tool: Tool, agent_id: str) -> dict[str, Any] | None:
    """Return the arguments that an action was asked about; ``None`` if the tool or its schema is another one now."""
    try:
        shown = tool.reader.parse(action.call.arguments)
    except InvalidRequest:
        return None
    same = action.arguments_hash == arguments_hash(agent_id, tool.spec, shown, action.turn)
    return shown if same else None


def edited_hash(action: PendingAction, tool: Tool, arguments: Mapping[str, Any]) -> str:
    """Return the hash of the arguments that an approver gave instead; it holds for this action alone."""
    return arguments_hash("", tool.spec, arguments, action.arguments_hash)


def unchecked_hash(action: PendingAction, arguments: Mapping[str, Any]) -> str:
    """Return the same for a tool that the server does not know: of an agent that is not ours."""
    return arguments_hash("", None, arguments, action.arguments_hash)
