"""Tool calls as servers number, name and cut them: put together, each with its own id or none."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest

from agentos.domain.tool_spec import ToolSpec
from agentos.models.deltas import Finish, ToolCallDelta
from parts.deltas import calls_of
from parts.replay_server import chunk, events, reply, stream

OSLO, BERGEN = '{"city": "Oslo"}', '{"city": "Bergen"}'
TOOLS = [
    ToolSpec(name, "", MappingProxyType({"type": "object", "properties": {}}))
    for name in ("get_weather", "get_time", "ping", "get")
]


def piece(index: Any = None, id: Any = None, name: Any = None, arguments: Any = None, **more: Any) -> dict[str, Any]:
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    given = {"index": index, "id": id, "function": function, **more}
    return {key: value for key, value in given.items() if value is not None}


def one(*arguments: str, name: str = "get_weather", id: str | None = "a") -> list[tuple[str | None, str, str]]:
    return [(id, name, "".join(arguments))]


A, B = ("a", "get_weather", OSLO), ("b", "get_weather", BERGEN)

KINDS: dict[str, tuple[list[dict[str, Any]], list[Any]]] = {
    "as OpenAI does": (
        [
            piece(0, "a", "get_weather", ""),
            piece(0, arguments='{"city": '),
            piece(0, arguments='"Oslo"}'),
            piece(1, "b", "get_weather", ""),
            piece(1, arguments=BERGEN),
        ],
        [A, B],
    ),
    "interleaved by index": (
        [
            piece(0, "a", "get_weather", ""),
            piece(1, "b", "get_weather", ""),
            piece(0, arguments=OSLO),
            piece(1, arguments=BERGEN),
        ],
        [A, B],
    ),
    "interleaved by id, index 0 for all": (
        [
            piece(0, "a", "get_weather", ""),
            piece(0, "b", "get_weather", ""),
            piece(0, "a", arguments=OSLO),
            piece(0, "b", arguments=BERGEN),
        ],
        [A, B],
    ),
    "index 0 for all, whole": ([piece(0, "a", "get_weather", OSLO), piece(0, "b", "get_weather", BERGEN)], [A, B]),
    "index 0 for all, no ids": (
        [piece(0, None, "get_weather", OSLO), piece(0, None, "get_weather", BERGEN)],
        [(None, *A[1:]), (None, *B[1:])],
    ),
    "index 0 for all, no ids, in pieces": (
        [
            piece(0, None, "get_weather", '{"city": '),
            piece(0, arguments='"Oslo"}'),
            piece(0, None, "get_time", ""),
            piece(0, arguments="{}"),
        ],
        [(None, *A[1:]), (None, "get_time", "{}")],
    ),
    "one id for two indexes, whole": (
        [piece(0, "a", "get_weather", OSLO), piece(1, "a", "get_weather", BERGEN)],
        [A, (None, *B[1:])],
    ),
    "one id for two indexes, in pieces": (
        [
            piece(0, "a", "get_weather", ""),
            piece(1, "a", "get_weather", ""),
            piece(0, "a", arguments=OSLO),
            piece(1, "a", arguments=BERGEN),
        ],
        [A, (None, *B[1:])],
    ),
    "one id and one index for two": (
        [piece(0, "a", "get_weather", OSLO), piece(0, "a", "get_time", "{}")],
        [A, (None, "get_time", "{}")],
    ),
    "one call under two indexes": ([piece(0, "a", "get_weather", ""), piece(1, "a", arguments=OSLO)], [A]),
    "arguments under an index of their own": ([piece(2, "a", "get_weather", ""), piece(1, arguments=OSLO)], [A]),
    "no index": (
        [piece(None, "a", "get_weather"), piece(arguments=OSLO), piece(None, "b", "get_weather", BERGEN)],
        [A, B],
    ),
    "no index, no id": (
        [piece(None, None, "get_weather", OSLO), piece(None, None, "get_weather", BERGEN)],
        [(None, *A[1:]), (None, *B[1:])],
    ),
    "no index, no arguments": (
        [piece(None, None, "ping", ""), piece(None, None, "get", "")],
        [(None, "ping", ""), (None, "get", "")],
    ),
    "index as text": ([piece("0", "a", "get_weather", OSLO), piece("1", "b", "get_weather", BERGEN)], [A, B]),
    "ids that are the text null": (
        [
            piece(0, "null", "get_weather", OSLO),
            piece(1, "null", "get_weather", BERGEN),
        ],
        [(None, *A[1:]), (None, *B[1:])],
    ),
    "empty ids": (
        [piece(0, "", "get_weather", OSLO), piece(1, "", "get_weather", BERGEN)],
        [(None, *A[1:]), (None, *B[1:])],
    ),
    "a new id in each piece": (
        [
            piece(0, "a", "get_weather", '{"city": '),
            piece(0, "x", arguments='"Oslo"}'),
            piece(1, "b", "get_weather", BERGEN),
        ],
        [A, B],
    ),
    "a new id in each piece, the name repeated": (
        [piece(0, "a", "get_weather", '{"city": '), piece(0, "x", "get_weather", '"Oslo"}')],
        [A],
    ),
    "a new id in each piece, no index": (
        [piece(None, "a", "get_weather", '{"city": '), piece(None, "x", arguments='"Oslo"}')],
        [A],
    ),
    "id and name repeated": (
        [piece(0, "a", "get_weather", '{"city": '), piece(0, "a", "get_weather", '"Oslo"}')],
        [A],
    ),
    "the name repeated, no ids": (
        [
            piece(0, None, "get_weather", ""),
            piece(0, None, "get_weather", '{"city": '),
            piece(0, None, "get_weather", '"Oslo"}'),
        ],
        [(None, *A[1:])],
    ),
    "the name in pieces": (
        [piece(0, "a", "get_"), piece(0, None, "wea"), piece(0, None, "ther"), piece(0, arguments=OSLO)],
        [A],
    ),
    "a name that begins another": (
        [piece(0, "a", "get"), piece(0, None, "_weather", OSLO)],
        [A],
    ),
    "the name so far in each piece": ([piece(0, "a", "get_"), piece(0, "a", "get_weather", OSLO)], [A]),
    "an empty name behind the first": ([piece(0, "a", "get_weather"), piece(0, "", "", OSLO)], [A]),
    "a leading {}": ([piece(0, "a", "get_weather", "{}"), piece(0, arguments=OSLO)], [A]),
    "a leading {}, then pieces": (
        [piece(0, "a", "get_weather", "{}"), piece(0, arguments='{"'), piece(0, arguments='city": "Oslo"}')],
        [A],
    ),
    "a leading {} as an object": ([piece(0, "a", "get_weather", {}), piece(0, arguments=OSLO)], [A]),
    "only {}": ([piece(0, "a", "ping", "{}")], one("{}", name="ping")),
    "arguments as an object": ([piece(0, "a", "get_weather", {"city": "Oslo"})], one('{"city":"Oslo"}')),
    "arguments as JSON in JSON": ([piece(0, "a", "get_weather", '"{\\"city\\": \\"Oslo\\"}"')], [A]),
    "sent again whole": (
        [piece(0, "a", "get_weather", '{"city": '), piece(0, arguments='"Oslo"}'), piece(0, "a", "get_weather", OSLO)],
        [A],
    ),
    "sent again whole, without a name": ([piece(0, "a", "get_weather", OSLO), piece(0, "a", arguments=OSLO)], [A]),
    "sent again under another index": (
        [piece(0, "a", "get_weather", OSLO), piece(1, "a", "get_weather", OSLO)],
        [A],
    ),
    "no arguments ever": ([piece(0, "a", "ping", "")], one("", name="ping")),
    "arguments that are null": ([piece(0, "a", "ping", None)], one("", name="ping")),
    "broken arguments": ([piece(0, "a", "get_weather", '{"city": ')], one('{"city": ')),
    "a piece without anything": ([piece(0), piece(0, "a", "get_weather", OSLO)], [A]),
    "name and arguments without 'function'": ([{"index": 0, "id": "a", "name": "get_weather", "arguments": OSLO}], [A]),
    "half characters in two pieces": (
        [piece(0, "a", "get_weather", '{"city": "\ud83d'), piece(0, arguments='\ude00"}')],
        one('{"city": "😀"}'),
    ),
}


@pytest.mark.parametrize(("pieces", "calls"), KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("together", [False, True], ids=["one by one", "in one chunk"])
def test_calls_are_put_together(said, pieces: list[Any], calls: list[Any], together: bool) -> None:
    deltas = [{"tool_calls": pieces}] if together else [{"tool_calls": [piece]} for piece in pieces]
    found = said(stream(deltas, "tool_calls"), tools=TOOLS)
    assert calls_of(found) == calls
    assert [one.index for one in found if isinstance(one, ToolCallDelta)] == list(range(len(calls)))
    assert found[-1] == Finish("tool_calls")


def test_a_whole_message_behind_its_pieces_adds_only_what_they_lack(said) -> None:
    pieces = [piece(0, "a", "get_weather", OSLO), piece(1, "b", "get_weather", "")]
    whole = {"tool_calls": [piece(0, "a", "get_weather", OSLO), piece(1, "b", "get_weather", BERGEN)]}
    body = events(chunk({"tool_calls": pieces}), chunk({}, "tool_calls", message=whole))
    assert calls_of(said(reply(body), tools=TOOLS)) == [A, B]


def test_a_call_of_the_older_kind_is_a_call(said) -> None:
    pieces = [{"function_call": {"name": "ping", "arguments": "{"}}, {"function_call": {"arguments": "}"}}]
    assert calls_of(said(stream(pieces, "function_call"), tools=TOOLS)) == [(None, "ping", "{}")]


@pytest.mark.parametrize("name", ["extra_content", "provider_specific_fields", "thought_signature"])
def test_what_a_server_wants_to_see_again_stays_with_its_call(said, name: str) -> None:
    value = {"google": {"thought_signature": "s"}}
    pieces = [piece(0, "a", "ping", "{}", **{name: value}), piece(1, "b", "ping", "{}")]
    found = [one for one in said(stream([{"tool_calls": pieces}], "tool_calls")) if isinstance(one, ToolCallDelta)]
    assert [one.provider_details for one in found] == [{name: value}, None]


def test_what_is_too_large_to_see_again_is_left_out(said, caplog) -> None:
    pieces = [piece(0, "a", "ping", "{}", extra_content={"x": "y" * 1024**2})]
    [found] = [one for one in said(stream([{"tool_calls": pieces}], "stop")) if isinstance(one, ToolCallDelta)]
    assert found.provider_details is None
    assert "too large" in caplog.text
