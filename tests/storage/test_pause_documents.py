"""Checkpoints, actions and answers as they are written: nothing is lost, and what a newer version adds is named."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentos.domain.checkpoint import Checkpoint
from agentos.domain.message import Message, ToolCall
from agentos.domain.pending import Answer, PendingAction, PendingKind
from agentos.domain.run_step import RunStep
from agentos.domain.usage import Usage
from agentos.storage.pause_documents import (
    action_of,
    action_text,
    answer_of,
    answer_text,
    checkpoint_of,
    checkpoint_text,
)
from agentos.testing.storage.pausing import APPROVED, action, checkpoint

texts = st.text(max_size=20)
some_text = st.none() | texts
counts = st.integers(0, 2**60)
times = st.datetimes(timezones=st.just(UTC))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
objects = st.dictionaries(texts, json_values, max_size=3)
filled = objects.filter(bool)
calls = st.builds(ToolCall, texts, texts, texts, st.none() | filled)
messages = st.builds(
    Message,
    st.sampled_from(["assistant", "tool"]),
    texts,
    st.lists(calls, max_size=2).map(tuple),
    st.none() | texts.filter(bool),
    provider=st.none() | texts.filter(bool),
    provider_details=st.none() | filled,
)
usages = st.builds(Usage, counts, counts, counts, st.none() | counts)
steps = st.builds(
    RunStep,
    number=counts,
    type=st.sampled_from(["model_call", "tool_call"]),
    status=st.sampled_from(["started", "completed", "failed"]),
    started_at=times,
    duration=st.none() | st.floats(0, 1e9),
    model=st.none() | texts.filter(bool),
    usage=st.none() | usages,
    tool_name=st.none() | texts.filter(bool),
)
patches = st.lists(st.lists(objects, max_size=2), max_size=2).map(tuple)
checkpoints = st.builds(
    Checkpoint,
    number=counts,
    messages=st.lists(messages, max_size=3).map(tuple),
    reasoning=texts,
    steps=st.lists(steps, max_size=2).map(tuple),
    patches=patches,
    usage=usages,
    tokens=counts,
    turns=counts,
    size=counts,
    written=counts,
    model=some_text,
    finish_reason=some_text,
)
actions = st.builds(
    PendingAction,
    id=texts,
    kind=st.sampled_from(PendingKind),
    call=calls,
    arguments_hash=texts,
    number=counts,
    message=some_text,
    schema=st.none() | objects,
    created_at=times,
    expires_at=st.none() | times,
    approver=st.sampled_from(["owner", "other"]),
    on_expiry=st.sampled_from(["reject", "fail"]),
    remember=st.booleans(),
    rule=some_text,
)
answers = st.builds(
    Answer,
    decision=st.sampled_from([None, "approve", "reject"]),
    arguments=st.none() | objects,
    arguments_hash=some_text,
    message=some_text,
    output=json_values,
    error=some_text,
    remember=st.sampled_from([None, "session"]),
    answered_by=some_text,
    answered_at=st.none() | times,
    answered_as=st.sampled_from([None, "owner", "other"]),
    address=some_text,
)


@given(checkpoints)
@settings(max_examples=60, deadline=None)
def test_a_checkpoint_is_read_as_it_was_written(written):
    assert checkpoint_of(checkpoint_text(written)) == written


@given(actions, st.none() | answers)
@settings(max_examples=60, deadline=None)
def test_an_action_is_read_as_it_was_written(written, answer):
    found = action_of(action_text(written), None if answer is None else answer_text(answer))
    assert found == replace(written, answer=answer)
    if answer is not None:
        for name in ("answered_by", "answered_at", "answered_as", "address"):  # which make no answer another one
            assert getattr(found.answer, name) == getattr(answer, name)


def added(text, **fields):
    return json.dumps({**json.loads(text), **fields})


def test_what_a_newer_version_adds_to_a_checkpoint_is_named():
    found = checkpoint_of(added(checkpoint_text(checkpoint()), branches=[1]))
    assert found.unknown == ("branches",)
    assert found.messages == checkpoint().messages


@pytest.mark.parametrize("part", ["messages", "usage", "steps"])
def test_a_part_of_a_checkpoint_that_this_version_cannot_read_is_named(part):
    stored = json.loads(checkpoint_text(checkpoint()))
    one = stored[part] if part == "usage" else stored[part][0]
    if part == "steps":
        del one["started_at"]
    else:
        one["new"] = 1
    assert checkpoint_of(json.dumps(stored)).unknown == (part,)


def test_what_a_newer_version_adds_to_an_action_or_answer_is_left_out():
    one = action()
    found = action_of(added(action_text(one), urgency=1), added(answer_text(APPROVED), signature="x"))
    assert (found.id, found.call, found.answer) == (one.id, one.call, APPROVED)


def test_what_an_earlier_version_wrote_is_an_approval_by_the_owner_that_fails_its_run_when_it_expires():
    one = action()
    stored = json.loads(action_text(one))
    assert stored.keys().isdisjoint({"approver", "on_expiry", "remember", "rule"})
    found = action_of(json.dumps(stored))
    assert (found.approver, found.on_expiry, found.remember, found.rule) == ("owner", "fail", False, None)


def test_an_empty_checkpoint_is_short():
    assert json.loads(checkpoint_text(Checkpoint(number=3))) == {"number": 3}


def test_times_keep_their_microseconds():
    moment = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)
    assert action_of(action_text(action(expires_at=moment))).expires_at == moment
    assert answer_of(answer_text(Answer(output=1, answered_at=moment))).answered_at == moment
