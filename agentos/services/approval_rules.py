"""Decisions that approvers let hold for a session: kept as records, asked before a call waits, listed and revoked."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from agentos.domain.pending import Answer, PendingAction
from agentos.domain.principal import APPROVE_ANY, Principal
from agentos.domain.remembered import ApprovalRule, RememberedDecision, RememberedScope
from agentos.domain.run import Run
from agentos.domain.times import utc_now
from agentos.errors import NotFound
from agentos.storage.interface import Storage
from agentos.storage.paging import Cursor, Page, Paging
from agentos.storage.records import Record
from agentos.tools.action_hash import canonical, schema_hash
from agentos.tools.tool import Tool

COLLECTION = "approval-rules"
"""The collection of records of remembered decisions. A record's owner is that of the run."""

LOOK_AGAIN = timedelta(hours=1)
"""How often a job checks whether the session of a rule still exists. A rule of a deleted session counts for no call."""

MOST_READS = 20
"""Reads of the list for one page of it: few rules may match a filter."""

_DECISION = ("decision", "message", "answered_by", "answered_as", "address")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFilter:
    """Exact matches, and-ed; ``None`` matches everything."""

    session_id: str | None = None
    agent_id: str | None = None
    tool: str | None = None

    def matches(self, scope: RememberedScope) -> bool:
        """Return whether a rule of this scope is wanted."""
        return all(getattr(self, name) in (None, getattr(scope, name)) for name in self.__slots__)


def rule_record(run: Run, action: PendingAction, answer: Answer, tool: Tool) -> Record:
    """Return the record of a decision that holds for the session of a run.

    There is one for each session, agent, tool and rule: a later decision takes the place of the earlier one.
    """
    assert run.session_id is not None
    assert answer.answered_at is not None
    scope = RememberedScope(
        owner=run.owner,
        session_id=run.session_id,
        agent_id=run.agent_id,
        tool=action.call.name,
        rule=action.rule or "",
        schema_hash=schema_hash(tool.spec),
    )
    document = {
        **asdict(scope),
        **{name: value for name in _DECISION if (value := getattr(answer, name)) is not None},
        "answered_at": answer.answered_at.isoformat(),
        "run_id": run.id,
        "action_id": action.id,
    }
    del document["owner"]
    due = utc_now() + LOOK_AGAIN
    return Record(collection=COLLECTION, id=_id(scope), owner=run.owner, document=document, due_at=due)


class ApprovalRuleService:
    """Remembered decisions of one deployment."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def find(self, scope: RememberedScope) -> RememberedDecision | None:
        """Return the decision that holds for calls of a scope. Raises ``StorageError``."""
        record = self._storage.records.get(COLLECTION, _id(scope), owner=scope.owner)
        if record is None:
            return None
        rule = _rule(record)
        return rule.as_decision if rule.scope == scope else None

    def list(self, where: RuleFilter, paging: Paging, caller: Principal) -> Page[ApprovalRule]:
        """Return the caller's remembered decisions, newest first; with ``runs:approve:any``, those of all owners.

        A page may have fewer than its limit where few match. Those of deleted sessions are left out.
        """
        owner = _visible_owner(caller)
        there: dict[str, bool] = {}
        found: list[ApprovalRule] = []
        following: Cursor | None = paging.cursor
        for _ in range(MOST_READS):
            left = paging.limit - len(found)
            page = self._storage.records.list(COLLECTION, Paging(limit=left, cursor=following), owner=owner)
            for rule in map(_rule, page.items):
                if where.matches(rule.scope) and self._is_there(rule.scope.session_id, there):
                    found.append(rule)
            following = page.next_cursor
            if following is None or len(found) == paging.limit:
                break
        return Page(found, following)

    def revoke(self, rule_id: str, caller: Principal) -> None:
        """Forget a decision: the next call that it covers waits again. Raises ``NotFound``."""
        owner: str | None = caller.owner
        if self._storage.records.get(COLLECTION, rule_id, owner=caller.owner) is None:
            owner = self._owner_of(rule_id) if _visible_owner(caller) is None else None
        if owner is None or not self._storage.records.delete(COLLECTION, rule_id, owner=owner):
            raise NotFound(
                f"there is no remembered decision {rule_id!r:.100}; GET /api/v1/approvals/rules and 'agentos approvals"
                " rules list' list them"
            )
        logger.info("a remembered decision was revoked", extra={"remembered": rule_id, "by": caller.id})

    def _is_there(self, session_id: str, known: dict[str, bool]) -> bool:
        if session_id not in known:
            known[session_id] = self._storage.sessions.get(session_id, owner=None) is not None
        return known[session_id]

    def _owner_of(self, rule_id: str) -> str | None:
        """Return the owner of a rule of any owner."""
        following = Paging(limit=500)
        while True:
            page = self._storage.records.list(COLLECTION, following, owner=None)
            for record in page.items:
                if record.id == rule_id:
                    return record.owner
            if page.next_cursor is None:
                return None
            following = replace(following, cursor=page.next_cursor)


def _visible_owner(caller: Principal) -> str | None:
    return None if caller.may(APPROVE_ANY) else caller.owner


def _id(scope: RememberedScope) -> str:
    """Return the id of what is remembered for a scope. The tool's schema is not in it: a new decision replaces it."""
    covered = [scope.session_id, scope.agent_id, scope.tool, scope.rule]
    return str(UUID(bytes=hashlib.sha256(canonical(covered).encode()).digest()[:16]))


def _rule(record: Record) -> ApprovalRule:
    document: Mapping[str, Any] = record.document
    covered = ("session_id", "agent_id", "tool", "rule", "schema_hash")
    return ApprovalRule(
        id=record.id,
        scope=RememberedScope(owner=record.owner, **{name: document[name] for name in covered}),
        **{name: document[name] for name in _DECISION if name in document},
        answered_at=datetime.fromisoformat(document["answered_at"]),
        run_id=document["run_id"],
        action_id=document["action_id"],
    )
