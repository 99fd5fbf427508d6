"""What a turn costs the database, however long its session is."""

import base64

import pytest

from agentos.domain.media import Media
from agentos.domain.message import Message
from agentos.domain.principal import ANONYMOUS
from agentos.domain.run import BusyPolicy
from agentos.storage.admission import Quota
from agentos.storage.events import FrameBatch
from agentos.testing.storage.contract import LEASE, admit, at, ended, frames, key, new_run, new_session, said
from agentos.testing.storage.pausing import checkpoint


def take_turn(storage, session):
    admission = storage.runs.admit(new_run(session), claim=LEASE, owner=None, history_turns=3)
    storage.events.append([FrameBatch(admission.run.id, frames(1, 5))])
    storage.runs.finish(ended(admission.run), messages=said("q", "thought", "a"), frames=frames(6, 6, kind="complete"))
    return admission


def test_turn_200_sends_as_many_statements_and_touches_as_many_rows_as_turn_5(storage, recording):
    session = new_session(storage)
    recorded = {}
    for turn in range(1, 201):
        with recording() as recorded[turn]:
            admission = take_turn(storage, session)
    assert len(admission.history) == 9
    assert [sql for sql, _ in recorded[200].statements] == [sql for sql, _ in recorded[5].statements]
    assert recorded[200].rows == recorded[5].rows > 0


def test_a_turn_is_nine_statements(storage, recording):
    session = new_session(storage)
    take_turn(storage, session)
    with recording() as recorded:
        take_turn(storage, session)
    # admission: place, run, window; log: which runs, append; end: count, end, messages, append
    assert len(recorded.statements) == 9


@pytest.mark.parametrize(
    ("more", "options"),
    [
        (0, {"claim": None}),
        (0, {"owner": ANONYMOUS}),
        (0, {"quota": Quota()}),
        (1, {"quota": Quota(of_owner=9)}),
        (2, {"quota": Quota(of_owner=9, of_all=9)}),
        (1, {"idempotency": key()}),
        (1, {"concurrency": BusyPolicy.REJECT}),
        (1, {"concurrency": BusyPolicy.INTERRUPT}),
        (1, {"concurrency": BusyPolicy.ROLLBACK}),
    ],
)
def test_what_an_admission_asks_for_besides_is_at_most_one_statement_more_each(
    storage, sql_url, recording, more, options
):
    session = new_session(storage)
    with recording() as plain:
        storage.runs.finish(ended(admit(storage, new_run(session)).run))
    with recording() as recorded:
        admission = admit(storage, new_run(session), **options)
        storage.runs.finish(ended(admission.run))
    without_window = 1 if "claim" in options else 0
    lock = 1 if "quota" in options and more and sql_url.startswith("postgresql") else 0
    assert len(recorded.statements) == len(plain.statements) + more + lock - without_window


def test_the_messages_of_a_turn_are_one_statement_however_many_they_are(storage, recording):
    session = new_session(storage)
    counts = []
    for number in (1, 50):
        with recording() as recorded:
            run = storage.runs.admit(new_run(session), claim=LEASE, owner=None, history_turns=3).run
            storage.runs.finish(ended(run), messages=said(*["x"] * number))
        counts.append(len(recorded.statements))
    assert counts[0] == counts[1]


def test_attachments_are_stored_once(storage, recording):
    session = new_session(storage)
    content = b"picture" * 9
    image = Media("image", data=base64.b64encode(content).decode(), content_type="image/png")
    with recording() as recorded:
        for _ in range(10):
            run = admit(storage, new_run(session, media=(image,))).run
            messages = [Message("user", "look", media=run.media), Message("assistant", "yes")]
            storage.runs.finish(ended(run), messages=messages)
    sent = str(recorded.statements)
    assert (sent.count(str(content)), sent.count(image.data)) == (1, 0)


def test_an_attachment_costs_the_admission_five_statements_and_its_repetition_three(storage, recording):
    session = new_session(storage)
    with recording() as plain:
        storage.runs.finish(ended(admit(storage, new_run(session)).run), messages=said("q", "a"))
    image = Media("image", data="aGVsbG8=", content_type="image/png")
    for more in (5, 3):
        with recording() as recorded:
            run = admit(storage, new_run(session, media=(image,))).run
            storage.runs.finish(ended(run), messages=[Message("user", "look", media=run.media)])
        # what describes it, whether its bytes are there, that the run has it; and the bytes: their head, one piece
        assert len(recorded.statements) == len(plain.statements) + more


def statements(recording, call):
    """Return how many statements a call sends."""
    with recording() as recorded:
        call()
    return len(recorded.statements)


def test_the_sessions_next_run_is_looked_for_only_when_runs_were_placed_behind_the_one_that_ends(storage, recording):
    counts = []
    for later in (0, 1, 9):
        session = new_session(storage)
        run = admit(storage, new_run(session)).run
        for _ in range(later):
            admit(storage, new_run(session), None)
        counts.append(statements(recording, lambda run=run: storage.runs.finish(ended(run), frames=frames(1, 1))))
    plain, *more = counts
    assert more == [plain + 1, plain + 1]


def test_what_an_unfinished_run_needs_is_deleted_only_where_there_is_some(storage, recording):
    counts = []
    for checkpoints in ((), (checkpoint(1), checkpoint(2))):
        run = admit(storage, new_run()).run
        storage.events.append([FrameBatch(run.id, frames(1, 1), checkpoints=checkpoints)])
        counts.append(statements(recording, lambda run=run: storage.runs.finish(ended(run), frames=frames(2, 2))))
    assert counts == [2, 4], "the end and its frames; and two deletions"


def test_a_run_that_waits_for_its_turn_asks_with_one_query_and_is_claimed_with_one_statement_more(storage, recording):
    session = new_session(storage)
    first, second = (admit(storage, new_run(session)).run for _ in range(2))
    assert statements(recording, lambda: storage.runs.claim(second.id, LEASE, now=at(1))) == 1
    storage.runs.finish(ended(first))
    assert statements(recording, lambda: storage.runs.claim(second.id, LEASE, now=at(1))) == 2
    assert statements(recording, lambda: storage.runs.window(session.id, turns=3)) == 1


def test_checkpoints_cost_the_event_log_one_statement_more_however_many_they_are(storage, recording):
    runs = [admit(storage, new_run()).run for _ in range(3)]
    plain = [FrameBatch(run.id, frames(1, 1)) for run in runs]
    more = [FrameBatch(run.id, frames(2, 2), checkpoints=[checkpoint(1), checkpoint(2)]) for run in runs]
    counts = [
        statements(recording, lambda batches=batches: storage.events.append(batches)) for batches in (plain, more)
    ]
    assert counts == [2, 3]
