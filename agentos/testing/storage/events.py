"""The promises about the event logs of runs."""

from __future__ import annotations

import pytest

from agentos.domain.event import Frame
from agentos.storage.admission import Lease
from agentos.storage.events import FrameBatch
from agentos.storage.interface import Storage
from agentos.testing.storage.contract import Contract, admitted, ended, frames, new_session, taken_over


class EventContract(Contract):
    """Frames."""

    def test_frames_come_back_byte_for_byte(self, storage: Storage) -> None:
        run = admitted(storage)
        given = (
            Frame(1, "run_start", '{"input":" é \U0001f600 \u2028\u2029 \x85 "}'.encode()),
            Frame(2, "token", b'{"token":"\\n\\u0000\\r"}'),
            Frame(3, "token", b'{"token": "  two  spaces "}\r'),
            Frame(4, "token", b""),
        )
        storage.events.append([FrameBatch(run.id, given[:2]), FrameBatch(run.id, given[2:])])
        assert tuple(storage.events.read(run.id)) == given

    def test_frames_of_many_runs_are_appended_together(self, storage: Storage) -> None:
        runs = [admitted(storage) for _ in range(3)]
        storage.events.append([FrameBatch(run.id, frames(1, 2)) for run in runs])
        storage.events.append([FrameBatch(run.id, frames(3, 3)) for run in runs])
        assert [tuple(storage.events.read(run.id)) for run in runs] == [frames(1, 3)] * 3

    @pytest.mark.parametrize(("after", "limit", "first", "last"), [(0, 5, 1, 5), (3, 5, 4, 8), (7, 99, 8, 10)])
    def test_a_reader_gets_what_comes_after_its_number(
        self, storage: Storage, after: int, limit: int, first: int, last: int
    ) -> None:
        run = admitted(storage)
        for start, end in ((1, 4), (5, 6), (7, 10)):
            storage.events.append([FrameBatch(run.id, frames(start, end))])
        assert tuple(storage.events.read(run.id, after=after, limit=limit)) == frames(first, last)

    def test_a_long_batch_can_be_read_from_any_place(self, storage: Storage) -> None:
        run = admitted(storage)
        storage.events.append([FrameBatch(run.id, frames(1, 3000))])
        for after in (0, 1, 1500, 2999):
            assert tuple(storage.events.read(run.id, after=after, limit=700)) == frames(
                after + 1, min(after + 700, 3000)
            )

    def test_a_log_without_frames_is_empty(self, storage: Storage) -> None:
        run = admitted(storage)
        storage.events.append([])
        storage.events.append([FrameBatch(run.id)])
        assert list(storage.events.read(run.id)) == []
        assert list(storage.events.read("x")) == []
        storage.events.append([FrameBatch(run.id, frames(1, 2))])
        assert list(storage.events.read(run.id, after=2)) == []

    def test_frames_of_a_run_that_is_gone_are_left_out_and_the_others_kept(self, storage: Storage) -> None:
        session = new_session(storage)
        gone, kept = admitted(storage, session), admitted(storage)
        storage.sessions.delete(session.id, owner=None)
        batches = [FrameBatch(gone.id, frames(1, 2)), FrameBatch("x", frames(1, 2)), FrameBatch(kept.id, frames(1, 2))]
        assert storage.events.append(batches) == {gone.id, "x"}
        assert list(storage.events.read(gone.id)) == []
        assert tuple(storage.events.read(kept.id)) == frames(1, 2)

    def test_the_last_frames_are_written_with_the_end_and_nothing_after_them(self, storage: Storage) -> None:
        run = admitted(storage)
        storage.events.append([FrameBatch(run.id, frames(1, 2))])
        assert storage.runs.finish(ended(run), frames=frames(3, 3, kind="complete"))
        assert storage.events.append([FrameBatch(run.id, frames(4, 4))]) == {run.id}
        assert tuple(storage.events.read(run.id)) == (*frames(1, 2), *frames(3, 3, kind="complete"))

    def test_frames_of_an_attempt_that_lost_its_run_are_left_out(self, storage: Storage) -> None:
        run = admitted(storage, lease=Lease("gone", -1.0))
        (taken,) = taken_over(storage)
        assert storage.events.append([FrameBatch(run.id, frames(1, 3), attempt=run.attempt)]) == {run.id}
        assert storage.events.append([FrameBatch(run.id, frames(1, 1), attempt=taken.attempt)]) == set()
        assert tuple(storage.events.read(run.id)) == frames(1, 1)

    def test_frames_that_are_written_a_second_time_count_once(self, storage: Storage) -> None:
        run = admitted(storage)
        for last in (3, 3, 5, 2):
            storage.events.append([FrameBatch(run.id, frames(1, last))])
        assert storage.runs.finish(ended(run), frames=frames(6, 6))
        assert tuple(storage.events.read(run.id)) == frames(1, 6)

    def test_frames_of_batches_that_overlap_count_once(self, storage: Storage) -> None:
        run = admitted(storage)
        for first, last in ((1, 3), (2, 5), (3, 4)):
            storage.events.append([FrameBatch(run.id, frames(first, last))])
        assert storage.runs.finish(ended(run), frames=frames(5, 6))
        assert tuple(storage.events.read(run.id)) == frames(1, 6)
        assert tuple(storage.events.read(run.id, after=2, limit=3)) == frames(3, 5)

    def test_frames_with_a_gap_or_more_than_a_line_are_refused(self, storage: Storage) -> None:
        run = admitted(storage)
        one, two, three = frames(1, 3)
        for wrong in ((one, three), (one, two._replace(data=b"a\nb"))):
            with pytest.raises(ValueError, match="frame"):
                storage.events.append([FrameBatch(run.id, wrong)])
