"""Who may answer what a run waits for, and what an approver sees of a run of another owner."""

from __future__ import annotations

from agentos.domain.pending import Approver, PendingAction, PendingKind
from agentos.domain.principal import ANONYMOUS, APPROVE, OPERATOR, Principal
from agentos.domain.run import Run
from agentos.errors import Forbidden


def sees(caller: Principal, run: Run) -> bool:
    """Return whether a caller may see all of a run."""
    return caller.visible_owner in (None, run.owner)


def check_approver(run: Run, action: PendingAction, caller: Principal) -> Approver:
    """Return as what a caller answers: as the owner of the run, or as another person.

    Raises ``Forbidden`` for one that may not answer this action.
    """
    answers_as: Approver = "other" if _is_other_person(caller, run) else "owner"
    if action.kind is not PendingKind.APPROVAL:
        if not sees(caller, run):
            raise Forbidden(f"action {action.id!r} is not an approval; only the owner of the run answers it")
        if not caller.may_run(run.agent_id):
            raise Forbidden(
                f"action {action.id!r} is answered by those who may run agent {run.agent_id!r}; the credential may not"
            )
        return answers_as
    # An approver that a newer version knows is not the owner either. This comes first: no scope helps an owner.
    if action.approver != "owner" and answers_as != "other":
        raise Forbidden(f"action {action.id!r} needs another person than the owner of the run; {_who_may(caller)}")
    if not caller.may(APPROVE):
        raise Forbidden(f"action {action.id!r} is an approval; answering it needs the scope {APPROVE!r}")
    return answers_as


def _is_other_person(caller: Principal, run: Run) -> bool:
    # The operator has no owner of its own: what the command line begins belongs to anonymous, as what clients do where
    # authentication is off.
    if caller == OPERATOR:
        return run.caller_id != OPERATOR.id
    return caller.owner != run.owner


def _who_may(caller: Principal) -> str:
    if caller.id == ANONYMOUS:
        return "this server has no authentication and cannot tell people apart, so it is decided at the command line"
    if caller == OPERATOR:
        return "the command line began this run, so a credential of another owner decides"
    return "a credential of another owner decides, with the scope 'runs:approve:any' or 'admin'"


def as_shown_to_approver(run: Run) -> Run:
    """Return a run of another owner: its ids, its state, and what it waits for that is an approval."""
    return Run(
        id=run.id,
        agent_id=run.agent_id,
        owner=run.owner,
        session_id=run.session_id,
        user_id=run.user_id,
        input="",
        status=run.status,
        created_at=run.created_at,
        pending=tuple(action for action in run.pending if action.kind is PendingKind.APPROVAL),
    )
