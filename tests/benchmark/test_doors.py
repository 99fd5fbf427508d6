"""The load program asks doors for what it asks our own API for, and counts what they say."""

from __future__ import annotations

import orjson
import pytest
from agentos_anthropic_api.projection import MessageProjection
from agentos_openai_api.chat.projection import ChatProjection
from agentos_openai_api.ids import TOOL_CALLS
from agentos_openai_api.responses.echo import Echo
from agentos_openai_api.responses.projection import ResponseProjection
from agentos_openai_api.responses.reader import ResponseReader

from agentos import Complete, RunStart, Token, Usage
from agentos.web import AnswerReader, Frame, Projection
from benchmarks.answers import Answer, Seen
from benchmarks.load import Load
from benchmarks.rows.doors import QUESTION, chat_load, messages_load, responses_load
from benchmarks.rows.ratios import BURST, RUN
from benchmarks.stub import TEXT

TOKENS = 5


def _frames(tokens: int) -> list[Frame]:
    same = {"timestamp": "2027-01-31T12:00:00.000Z", "run_id": "run-1", "agent_id": "burst-1000"}
    said = [Token(TEXT, index) for index in range(tokens)]
    events = [RunStart("Hi"), *said, Complete(TEXT * tokens, 1.0, Usage(1, tokens), tokens, 1, finish_reason="stop")]
    return [
        Frame(number, event.type, orjson.dumps({"type": event.type, **same, "data": event.data()}))
        for number, event in enumerate(events, 1)
    ]


def _read(load: Load, projection: Projection, *, tokens: int) -> Seen:
    seen = Seen()
    reader = Answer(load.expect, TOKENS, seen, load.text)
    reader.feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for frame in _frames(tokens):
        data = projection.render([frame])
        reader.feed(b"%x\r\n%b\r\n" % (len(data), data))
    assert reader.feed(b"0\r\n\r\n")
    return seen


@pytest.mark.parametrize("as_asked", [chat_load, responses_load, messages_load])
@pytest.mark.parametrize(("own", "model", "stream"), [(RUN, "burst-10", False), (BURST, "burst-1000", True)])
def test_a_door_is_asked_for_the_same_run(as_asked, own, model, stream):
    load = as_asked(Load(address="", paths=[own], bodies=["{}"], connections=7, rounds=3))
    body = orjson.loads(load.bodies[0])
    assert (body["model"], body["stream"]) == (model, stream)
    assert QUESTION in load.bodies[0]
    assert (load.connections, load.rounds) == (7, 3)


@pytest.mark.parametrize(
    ("as_asked", "projection"),
    [
        (chat_load, lambda: ChatProjection("burst-1000", AnswerReader(TOOL_CALLS))),
        (responses_load, lambda: ResponseProjection(ResponseReader(Echo({}, {})))),
        (messages_load, lambda: MessageProjection("burst-1000", AnswerReader(TOOL_CALLS))),
    ],
    ids=["chat completions", "responses", "messages"],
)
def test_each_token_of_a_door_is_counted_and_a_missing_one_is_seen(as_asked, projection):
    load = as_asked(Load(address="", paths=[BURST], bodies=["{}"]))
    whole, short = (_read(load, projection(), tokens=tokens) for tokens in (TOKENS, TOKENS - 1))
    assert (whole.tokens, whole.whole, whole.errors) == (TOKENS, 1, [])
    assert (short.whole, short.lost) == (0, 1)
