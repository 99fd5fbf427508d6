"""The promises about the whole request of a run, which the worker that takes it over is given."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agentos.domain.media import Media
from agentos.domain.message import Message, ToolCall
from agentos.domain.run import BusyPolicy, Run
from agentos.domain.stored_request import ModelOverrides, RunMode, StoredRequest
from agentos.domain.trace_context import TraceContext
from agentos.storage.admission import Lease
from agentos.storage.interface import Storage
from agentos.storage.paging import Paging
from agentos.storage.runs import RunFilter
from agentos.testing.storage.attachments import picture
from agentos.testing.storage.contract import (
    AWKWARD,
    Contract,
    admit,
    claimed,
    ended,
    new_run,
    new_session,
    said,
    taken_over,
)
from agentos.testing.storage.pausing import answer, paused_run

EXPIRED = Lease("gone", -1.0)
CONVERSATION = (
    Message("user", "é 漢字 \U0001f600\n", media=(Media("image", url="https://example.com/a.png", name="a"),)),
    Message(
        "assistant",
        "",
        tool_calls=(ToolCall("c1", "add", '{"a": 1}', {"sign": "x"}), ToolCall("c2", "add", "{}")),
        provider="openai",
        provider_details={"thought": AWKWARD},
    ),
    Message("tool", "3", tool_call_id="c1"),
    Message("tool", "", tool_call_id="c2"),
)
WHOLE = StoredRequest(
    mode=RunMode.BACKGROUND,
    messages=CONVERSATION,
    overrides=ModelOverrides(
        parameters={"seed": 7, "deep": AWKWARD}, output_schema={}, client_tool_timeout=60.0, instructions="Be brief."
    ),
    concurrency=BusyPolicy.REJECT,
    trace=TraceContext(trace_id="a" * 32, span_id=None, sampled=False, state="x=é"),
)


ANY_ANSWER = StoredRequest(overrides=ModelOverrides(output_schema={}))
"""Overrides nothing but the schema, with one that every answer follows."""


def taken(storage: Storage) -> Run:
    """Take over the one run that has lost its worker."""
    (run,) = taken_over(storage)
    return run


class RequestContract(Contract):
    """What is kept of a request beside the run's own fields."""

    def test_the_request_of_a_run_is_read_at_any_time(self, storage: Storage) -> None:
        run = new_run(request=WHOLE)
        admit(storage, run)
        assert storage.runs.request(run.id, owner=run.owner) == WHOLE
        plain = new_run()
        admit(storage, plain)
        assert storage.runs.request(plain.id, owner=None) == StoredRequest()

    def test_the_request_of_another_owner_is_not_there(self, storage: Storage) -> None:
        run = new_run(request=WHOLE)
        admit(storage, run)
        assert storage.runs.request(run.id, owner="someone-else") is None
        assert storage.runs.request("none", owner=None) is None

    @pytest.mark.parametrize("request_of_run", [WHOLE, StoredRequest(mode=RunMode.STREAMED), ANY_ANSWER, None])
    def test_a_worker_that_takes_a_run_over_is_given_its_whole_request(
        self, storage: Storage, request_of_run: StoredRequest | None
    ) -> None:
        run = new_run(request=request_of_run, caller_id="key:4f", parent_run_id="p")
        admission = admit(storage, run, EXPIRED)
        assert admission.run.request == request_of_run
        found = taken(storage)
        assert found.request == request_of_run
        assert (found.caller_id, found.parent_run_id) == ("key:4f", "p")

    @pytest.mark.parametrize("claim", [None, EXPIRED])
    def test_a_run_that_waited_still_has_its_request(self, storage: Storage, claim: Lease | None) -> None:
        run = admit(storage, new_run(new_session(storage), request=WHOLE), claim).run
        assert run.request == WHOLE
        assert claimed(storage, run.id, EXPIRED).run.request == WHOLE
        assert taken(storage).request == WHOLE

    @pytest.mark.parametrize("request_of_run", [WHOLE, StoredRequest(), None])
    def test_a_run_that_was_paused_again_and_again_still_has_its_request(
        self, storage: Storage, request_of_run: StoredRequest | None
    ) -> None:
        run = admit(storage, new_run(request=request_of_run, media=(picture(b"own"),))).run
        for _ in range(2):
            paused_run(storage, run)
            answer(storage, run)
            run = claimed(storage, run.id, EXPIRED).run
            assert run.request == request_of_run
            assert [(one.size, one.data) for one in run.media] == [(3, None)]
        assert taken(storage).request == request_of_run

    def test_runs_that_are_read_show_who_asked_and_leave_the_rest_of_the_request_out(self, storage: Storage) -> None:
        session = new_session(storage)
        run = admit(storage, new_run(session, request=WHOLE, caller_id="key:4f", parent_run_id="p")).run
        assert storage.runs.finish(ended(run), messages=said("q", "a"))
        found = [
            storage.runs.get(run.id, owner=None),
            *storage.runs.list(RunFilter(), Paging()).items,
            *storage.sessions.history(session.id, owner=None, limit=9).runs,
        ]
        shown = [(one.request, one.caller_id, one.parent_run_id) for one in found if one is not None]
        assert shown == [(None, "key:4f", "p")] * 3

    def test_messages_that_a_client_sent_are_no_part_of_the_session(self, storage: Storage) -> None:
        session = new_session(storage)
        run = admit(storage, new_run(session, request=WHOLE)).run
        assert storage.runs.finish(ended(run), messages=said("q", "a"))
        history = storage.sessions.history(session.id, owner=None, limit=9).messages
        assert [one.message.content for one in history] == ["q", "a"]

    def test_attachments_of_messages_are_kept_once_and_go_with_the_run(self, storage: Storage) -> None:
        shared, own = picture(b"shared"), picture(b"own")
        messages = (Message("user", "look", media=(shared, own)), Message("assistant", "I see."))
        run = new_run(owner="alice", media=(shared,), request=StoredRequest(messages=messages))
        admitted = admit(storage, run, EXPIRED).run
        found = taken(storage)
        assert found.request is not None
        media = found.request.messages[0].media
        assert [(one.data, one.size) for one in media] == [(None, 6), (None, 3)]
        contents = [storage.attachments.read(str(one.reference), owner="alice") for one in media]
        assert contents == [b"shared", b"own"]
        assert media[0].reference == found.media[0].reference
        assert storage.attachments.read(str(media[1].reference), owner="bob") is None

        assert storage.runs.finish(ended(replace(admitted, attempt=found.attempt)))
        assert storage.runs.delete(run.id, owner="alice") is not None
        assert [storage.attachments.read(str(one.reference), owner=None) for one in media] == [None, None]

    def test_a_caller_cannot_change_what_is_stored(self, storage: Storage) -> None:
        parameters = {"stop": ["a"]}
        request = StoredRequest(overrides=ModelOverrides(parameters=parameters))
        admit(storage, new_run(request=request), EXPIRED)
        parameters["stop"].append("b")
        found = taken(storage).request
        assert found is not None
        assert found.overrides.parameters == {"stop": ["a"]}
