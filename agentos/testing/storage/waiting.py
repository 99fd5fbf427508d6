"""The promises about the list of what waits for an answer."""

from __future__ import annotations

from typing import Any

import pytest

from agentos.domain.message import ToolCall
from agentos.domain.pending import PendingAction, PendingKind
from agentos.domain.run import RunStatus
from agentos.storage.interface import Storage
from agentos.storage.paging import Paging
from agentos.storage.pauses import PendingFilter, WaitingAction
from agentos.testing.storage.contract import AWKWARD, Contract, at, ended, new_session
from agentos.testing.storage.pausing import APPROVED, action, answer, paused


def _ids(storage: Storage, where: PendingFilter | None = None) -> list[str]:
    return [one.action.id for one in storage.runs.waiting(where or PendingFilter(), Paging()).items]


class WaitingContract(Contract):
    """Lists of actions."""

    def test_an_action_comes_with_the_run_that_waits_for_it(self, storage: Storage) -> None:
        session = new_session(storage, owner="alice")
        one = action(kind=PendingKind.INPUT, schema=AWKWARD, message="é", number=2, expires_at=at(10**6))
        run = paused(storage, session, actions=(one,), agent_id="other", user_id="u")
        alone = paused(storage, owner="bob", actions=(action(created_at=at(1)),))
        assert storage.runs.waiting(PendingFilter(), Paging()).items == [
            WaitingAction(
                run_id=run.id, agent_id="other", owner="alice", session_id=session.id, user_id="u", action=one
            ),
            WaitingAction(
                run_id=alone.id,
                agent_id="assistant",
                owner="bob",
                session_id=None,
                user_id=None,
                action=alone.pending[0],
            ),
        ]

    @pytest.mark.parametrize("name", ["owner", "agent_id", "session_id", "run_id", "kind"])
    def test_each_filter_finds_exactly_its_own(self, storage: Storage, name: str) -> None:
        run_ids: dict[str, str] = {}
        for owner, kind in (("alice", PendingKind.APPROVAL), ("bob", PendingKind.CLIENT_TOOL)):
            session = new_session(storage, id=f"of {owner}", owner=owner)
            one = action(id=owner, kind=kind)
            run_ids[owner] = paused(storage, session, agent_id=f"by {owner}", actions=(one,)).id
        wanted: dict[str, Any] = {
            "owner": "bob",
            "agent_id": "by bob",
            "session_id": "of bob",
            "run_id": run_ids["bob"],
            "kind": PendingKind.CLIENT_TOOL,
        }
        assert _ids(storage, PendingFilter(**{name: wanted[name]})) == ["bob"]
        assert _ids(storage, PendingFilter(**wanted)) == ["bob"]
        other: dict[str, Any] = {name: "x"} if name != "kind" else {"kind": PendingKind.INPUT}
        assert _ids(storage, PendingFilter(**other)) == []
        assert _ids(storage, PendingFilter(**{**wanted, "owner": "alice"})) == []

    def test_the_tool_and_who_may_approve_are_filters_too(self, storage: Storage) -> None:
        pay, book = ToolCall("1", "pay", "{}"), ToolCall("2", "bo'ok%", '{"é": "\\u0000"}')
        actions = (
            action(id="pay", call=pay),
            action(id="book", call=book, approver="other"),
            action(id="asks", call=book, kind=PendingKind.INPUT),
        )
        paused(storage, actions=actions)
        assert set(_ids(storage, PendingFilter(tool="bo'ok%"))) == {"book", "asks"}
        assert _ids(storage, PendingFilter(tool="bo")) == []
        assert _ids(storage, PendingFilter(approver="other")) == ["book"]
        assert _ids(storage, PendingFilter(approver="owner")) == ["pay"]
        assert _ids(storage, PendingFilter(approver="owner", tool="bo'ok%")) == []

    def test_what_waits_is_counted_as_it_is_listed(self, storage: Storage) -> None:
        actions = [action(id=f"action-{number}") for number in range(3)]
        run = paused(storage, owner="alice", actions=actions)
        paused(storage, owner="bob", actions=(action(id="other", kind=PendingKind.INPUT),))
        assert storage.runs.count_waiting(PendingFilter()) == 4
        assert storage.runs.count_waiting(PendingFilter(owner="alice")) == 3
        assert storage.runs.count_waiting(PendingFilter(approver_of="alice")) == 3
        assert storage.runs.count_waiting(PendingFilter(approver="other")) == 0
        storage.runs.answer(run.id, {"action-1": APPROVED}, owner=None)
        assert storage.runs.count_waiting(PendingFilter(run_id=run.id)) == 2

    def test_one_action_is_found_by_its_id_before_its_answer_and_after_it(self, storage: Storage) -> None:
        one, two = action(), action()
        run = paused(storage, owner="alice", agent_id="payer", actions=(one, two))
        before = storage.runs.action(one.id)
        assert before is not None
        assert (before.run_id, before.owner, before.agent_id, before.action) == (run.id, "alice", "payer", one)
        storage.runs.answer(run.id, {one.id: APPROVED}, owner=None)
        after = storage.runs.action(one.id)
        assert after is not None
        assert after.action.answer == APPROVED
        assert storage.runs.action("missing") is None

    def test_pages_follow_each_other_oldest_first_too(self, storage: Storage) -> None:
        actions = [action(id=f"action-{number}", created_at=at(number // 2)) for number in range(5)]
        paused(storage, actions=actions)
        page = storage.runs.waiting(PendingFilter(), Paging(limit=2), oldest_first=True)
        seen = [one.action for one in page.items]
        while page.next_cursor is not None:
            page = storage.runs.waiting(PendingFilter(), Paging(limit=2, cursor=page.next_cursor), oldest_first=True)
            seen.extend(one.action for one in page.items)
        assert seen == actions

    def test_an_approver_of_every_owner_finds_their_approvals_and_all_of_its_own(self, storage: Storage) -> None:
        for owner in ("alice", "bob"):
            for kind in PendingKind:
                paused(storage, owner=owner, actions=(action(id=f"{owner} {kind.value}", kind=kind),))
        own = {f"bob {kind.value}" for kind in PendingKind}
        assert set(_ids(storage, PendingFilter(approver_of="bob"))) == {*own, "alice approval"}
        assert _ids(storage, PendingFilter(approver_of="bob", owner="alice")) == ["alice approval"]
        assert _ids(storage, PendingFilter(approver_of="bob", owner="alice", kind=PendingKind.INPUT)) == []

    def test_pages_follow_each_other_newest_first(self, storage: Storage) -> None:
        actions = [action(id=f"action-{number}", created_at=at(number // 2)) for number in range(5)]
        paused(storage, actions=actions[:2])
        paused(storage, actions=actions[2:])
        page = storage.runs.waiting(PendingFilter(), Paging(limit=2))
        paused(storage, actions=(action(id="later", created_at=at(99)),))
        seen: list[PendingAction] = [one.action for one in page.items]
        while page.next_cursor is not None:
            page = storage.runs.waiting(PendingFilter(), Paging(limit=2, cursor=page.next_cursor))
            seen.extend(one.action for one in page.items)
        assert seen == actions[::-1]
        assert [one.action for one in storage.runs.waiting(PendingFilter(), Paging(limit=2, offset=1)).items] == seen[
            :2
        ]

    def test_what_was_answered_is_not_in_the_list(self, storage: Storage) -> None:
        one, two = action(), action()
        run = paused(storage, actions=(one, two))
        storage.runs.answer(run.id, {one.id: APPROVED}, owner=None)
        assert _ids(storage) == [two.id]
        answer(storage, run)
        assert _ids(storage) == []

    def test_what_a_run_waited_for_that_has_ended_or_is_gone_is_not_in_the_list(self, storage: Storage) -> None:
        session = new_session(storage)
        over, deleted, kept = paused(storage), paused(storage), paused(storage)
        paused(storage, session)
        storage.runs.finish(ended(over, status=RunStatus.CANCELLED))
        storage.runs.delete(deleted.id, owner=None)
        storage.sessions.delete(session.id, owner=None)
        assert _ids(storage) == [kept.pending[0].id]
