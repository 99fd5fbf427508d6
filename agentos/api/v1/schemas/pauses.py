"""Runs that wait for a person or their client: what they wait for, and how it is answered."""

from __future__ import annotations

from typing import Any, ClassVar, get_args

from marshmallow import ValidationError, validates_schema

from agentos.api.kit.schemas.fields import (
    Choice,
    Object,
    RequestSchema,
    StrictBoolean,
    StrictInteger,
    StrictString,
    id_field,
    shown,
)
from agentos.api.kit.schemas.structure import Nested, NestedList, ObjectList, Raw, ResponseSchema, Time
from agentos.domain.pending import LONGEST_MESSAGE, Approver, Decision, OnExpiry, PendingKind, Remember

DECISIONS = get_args(Decision)

MOST_ANSWERS = 64

KIND = (
    "What it waits for. `approval`: a person decides whether the tool is called. `input`: a person answers the tool's"
    " question. `client_tool`: the client executes the tool."
)


class PendingActionSchema(ResponseSchema):
    """One thing that a paused run waits for."""

    id = StrictString("Its id, which its answer names.")
    kind = Choice(KIND, PendingKind)
    tool_name = StrictString("The tool that the model called.")
    tool_call_id = StrictString("The call's id, as in the events.")
    arguments = Raw("The call's arguments: an object, or the model's text where that is no JSON.")
    message = StrictString("What a person should know: why it needs approval, or the question.", optional=True)
    schema = Object("The JSON schema that the answer to an `input` has to fit.", optional=True)
    expires_at = Time(
        "The end of the time in which it can be answered; absent where it waits without limit.", optional=True
    )
    approver = Choice(
        "Of an `approval`: who may decide. `owner`: the run's owner too. `other`: another person only.",
        get_args(Approver),
        optional=True,
    )
    on_expiry = Choice(
        "Of an `approval`: what happens if it is not decided in time. `reject`: the call is rejected, and the run"
        " continues. `fail`: the run fails with `PENDING_EXPIRED`, as it does without an answer of another kind.",
        get_args(OnExpiry),
        optional=True,
    )
    remember = StrictBoolean("Of an `approval`: whether an answer may have `remember`.", optional=True)
    rule = StrictString(
        "Of an `approval`: who asks for it: `tool`, `agent` or `plugin:NAME`; several have commas between them.",
        optional=True,
    )


class RememberedSchema(ResponseSchema):
    """A remembered decision, as it was when it decided about a call."""

    id = StrictString("Its id.")
    decision = Choice("What was decided.", DECISIONS)
    message = StrictString("What the approver said.", optional=True)
    answered_by = StrictString("The credential that decided.", optional=True)
    answered_as = Choice("As what it decided: the owner of the run, or another person.", get_args(Approver))
    answered_at = Time("When it was decided.", optional=True)
    arguments = Raw("The call's arguments, in a run's record, if they are short.", optional=True)


class GivenAnswerSchema(ResponseSchema):
    """An answer, and who gave it."""

    decision = Choice("Of an `approval`: whether the tool may be called.", DECISIONS, optional=True)
    edited_arguments = Object(
        "What the tool is called with, where the approver changed the model's arguments.", optional=True
    )
    message = StrictString("What the approver said; the model reads it of a rejection.", optional=True)
    output = Raw("Of an `input` and a `client_tool`: the answer or the result.", optional=True, nullable=True)
    error = StrictString("Of a `client_tool`: why it failed.", optional=True)
    remember = Choice("Where the decision holds for later calls of the session.", get_args(Remember), optional=True)
    answered_by = StrictString(
        "The credential; `expiry` for what was not decided in time, `operator` for the command line.", optional=True
    )
    answered_as = Choice(
        "As what it answered: the owner of the run, or another person.", get_args(Approver), optional=True
    )
    answered_at = Time("When.", optional=True)
    address = StrictString("The address that the answer came from; absent for the command line.", optional=True)


class DecisionSchema(GivenAnswerSchema):
    """What was decided about a call, or answered to it, by whom, when, and from where."""

    id = StrictString("The action; of what a remembered decision decided, that decision.")
    kind = Choice(KIND, PendingKind)
    tool_name = StrictString("The tool that the model called.", optional=True)
    tool_call_id = StrictString("The call's id, as in the events.", optional=True)
    arguments = Raw("The arguments that were asked about; absent of a question without a call.", optional=True)
    remembered = StrictString("The remembered decision that decided, in place of a person.", optional=True)


class WaitingActionSchema(PendingActionSchema):
    """One thing that a paused run waits for, and the run."""

    run_id = StrictString("The run that waits.")
    agent_id = StrictString("Its agent.")
    owner = StrictString("The user or tenant that it belongs to.")
    session_id = StrictString("Its session.", nullable=True)
    user_id = StrictString("The client's name of a user.", nullable=True)
    created_at = Time("When the run paused for it.")


class ApprovalSchema(WaitingActionSchema):
    """One thing that a run waits for, or waited for, with its answer."""

    answer = Nested(GivenAnswerSchema, "The answer, once there is one.", optional=True)


class ApprovalListSchema(ResponseSchema):
    """What waits for an answer."""

    approvals = NestedList(WaitingActionSchema)
    count = StrictInteger("How many are in this answer.")
    total = StrictInteger("How many wait in all that match, with `include_total`.", optional=True)
    next_cursor = StrictString("Where the next part begins; absent when there is no more.", optional=True)


class AnswerSchema(RequestSchema):
    """The answer to one action: `decision`, `output` or `error`, by the action's kind."""

    extra: ClassVar[dict[str, Any]] = {
        "oneOf": [{"required": [name]} for name in ("decision", "output", "error")],
        "dependentRequired": {name: ["decision"] for name in ("arguments", "message", "remember")},
    }

    id = id_field("The action that it answers.", required=True)
    decision = Choice("Of an `approval`: whether the tool is called.", DECISIONS)
    arguments = Object(
        "With `approve`: what the tool is called with, in place of the model's arguments. They have to fit the tool's"
        " schema."
    )
    message = StrictString("With a `decision`: what the model reads of it, as a reason.", most=LONGEST_MESSAGE)
    remember = Choice(
        "With a `decision`: it holds for later calls of this tool by this agent in the run's session. Only where the"
        " action has `remember`, and not with `arguments`.",
        get_args(Remember),
    )
    output = Raw(
        "Of an `input`: the answer, which has to fit the action's `schema`. Of a `client_tool`: its result, any JSON;"
        " null is a result too.",
        nullable=True,
    )
    error = StrictString("Of a `client_tool`: why it failed. The model reads it.", least=1)

    @validates_schema(skip_on_field_errors=True)
    def check_kind(self, values: dict[str, Any], **_: Any) -> None:
        """Refuse an answer that is none, or two at once."""
        given = [name for name in ("decision", "output", "error") if name in values]
        if len(given) != 1:
            said = " and ".join(map(repr, given)) if given else "neither 'decision' nor 'output' nor 'error'"
            raise ValidationError(f"has {said}; accepted is one of 'decision', 'output' and 'error'", "id")
        stray = [name for name in ("arguments", "message", "remember") if name in values and "decision" not in values]
        if stray:
            raise ValidationError(f"is accepted with a 'decision' only; this answer has {given[0]!r}", stray[0])


class ResumeSchema(RequestSchema):
    """Answers to what a paused run waits for. All of them count, or none."""

    answers = ObjectList(
        AnswerSchema, f"1 to {MOST_ANSWERS} answers, one for an action.", least=1, most=MOST_ANSWERS, required=True
    )

    @validates_schema(skip_on_field_errors=True)
    def check_ids(self, values: dict[str, Any], **_: Any) -> None:
        """Refuse two answers to one action."""
        seen: set[str] = set()
        for number, answer in enumerate(values["answers"]):
            if answer["id"] in seen:
                words = f"is {shown(answer['id'])}, which has an answer before; accepted is one answer for an action"
                raise ValidationError({"answers": {number: {"id": [words]}}})
            seen.add(answer["id"])
