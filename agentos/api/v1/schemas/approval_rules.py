"""Decisions that approvers let hold for a session."""

from __future__ import annotations

from typing import get_args

from agentos.api.kit.schemas.fields import Choice, StrictInteger, StrictString
from agentos.api.kit.schemas.structure import NestedList, ResponseSchema, Time
from agentos.domain.pending import Approver, Decision


class ApprovalRuleSchema(ResponseSchema):
    """A remembered decision. It holds for one rule about one tool of one agent, in one session."""

    id = StrictString("Its id.")
    owner = StrictString("The user or tenant that the session's runs belong to.")
    session_id = StrictString("The session.")
    agent_id = StrictString("The agent.")
    tool = StrictString("The tool, as the model knows it.")
    rule = StrictString("What asked for the approval, as the action had it in `rule`.")
    decision = Choice("What is done with such a call.", get_args(Decision))
    message = StrictString("What the approver said; the model reads it of a rejection.", optional=True)
    answered_by = StrictString("The credential that decided.", optional=True)
    answered_as = Choice("As what it decided: the owner of the run, or another person.", get_args(Approver))
    answered_at = Time("When it was decided.")
    address = StrictString("The address that the decision came from; absent for the command line.", optional=True)
    run_id = StrictString("The run in which it was decided.")
    action_id = StrictString("The action that was decided.")


class ApprovalRuleListSchema(ResponseSchema):
    """Remembered decisions, newest first."""

    rules = NestedList(ApprovalRuleSchema)
    count = StrictInteger("How many are in this answer.")
    next_cursor = StrictString("Where the next part begins; absent when there is no more.", optional=True)
