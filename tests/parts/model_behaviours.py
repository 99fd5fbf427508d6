"""What the test model server does, by the name of the model that is asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from email.utils import formatdate
from time import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from parts import message_behaviours as messages

if TYPE_CHECKING:
    from parts.model_server import Exchange

FOREVER = 60.0
USAGE = {"prompt_tokens": 7, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 2}}
TEXT = "Héllo wörld 🎉 "
BEHAVIOURS: list[tuple[re.Pattern[str], Callable[..., None]]] = []
MODELS = ["text", "echo", "reasoning", "tools", "scripted"]


def behaviour(pattern: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register what a model does whose whole name matches; groups of the pattern become arguments."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        BEHAVIOURS.append((re.compile(pattern), function))
        return function

    return register


def behave(exchange: Exchange) -> None:
    server = exchange.server
    path = urlsplit(exchange.target).path
    if server.api_key and exchange.headers.get("authorization") != f"Bearer {server.api_key}":
        given = exchange.headers.get("authorization")
        exchange.json(401, {"error": {"message": f"Incorrect API key provided: {given}"}})
    elif exchange.method == "GET" and path == "/v1/models":
        exchange.json(200, {"object": "list", "data": [{"id": name, "object": "model"} for name in MODELS]})
    elif exchange.method != "POST" or path not in ("/v1/chat/completions", "/v1/messages"):
        exchange.json(404, {"error": {"message": "Not found"}})
    else:
        with server.lock:
            server.requests.append(exchange.body)
            server.headers.append(exchange.headers)
            server.targets.append(exchange.target)
            server.calls[exchange.model] += 1
        # What the other format does not have is a fault of the connection, which is the same with both.
        for pattern, function in [*(messages.BEHAVIOURS if path == "/v1/messages" else ()), *BEHAVIOURS]:
            if match := pattern.fullmatch(exchange.model):
                function(exchange, *match.groups())
                return
        exchange.json(404, {"error": {"message": f"The model '{exchange.model}' does not exist", "code": "no_model"}})


def chunk(delta: dict[str, Any] | None = None, *, finish: str | None = None, **more: Any) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return event({"id": "c1", "object": "chat.completion.chunk", "model": "m", "choices": choices, **more})


def event(value: Any) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def words(text: str) -> list[dict[str, Any]]:
    return [{"role": "assistant", "content": ""}, *({"content": word} for word in re.findall(r"\s*\S+\s?|\s+", text))]


def events(deltas: Iterable[dict[str, Any]], *, finish: str = "stop", usage: Any = USAGE) -> list[bytes]:
    sent = [chunk(delta) for delta in deltas] + [chunk({}, finish=finish)]
    return [*sent, *([chunk(usage=usage)] if usage else []), b"data: [DONE]\n\n"]


def stream(exchange: Exchange, pieces: Iterable[bytes], **head: Any) -> None:
    exchange.head(200, head.pop("content_type", "text/event-stream"), **head)
    for piece in pieces:
        exchange.write(piece)
    exchange.end()


def said_last(exchange: Exchange, role: str) -> str:
    content = next((one["content"] for one in reversed(exchange.body["messages"]) if one["role"] == role), "")
    return content if isinstance(content, str) else " ".join(part.get("text", "") for part in content)


# --- answers as they should be ---------------------------------------------------------------------------------------


@behaviour("text(?:-.*)?|gpt-.*")
def _text(exchange: Exchange) -> None:
    stream(exchange, events(words(TEXT)))


@behaviour("echo")
def _echo(exchange: Exchange) -> None:
    stream(exchange, events(words(said_last(exchange, "user"))))


@behaviour("scripted")
def _scripted(exchange: Exchange) -> None:
    server = exchange.server
    with server.lock:
        turn = server.script.pop(0) if server.script else "the script is over"
    if isinstance(turn, str):
        return stream(exchange, events(words(turn)))
    calls = any("tool_calls" in delta for delta in turn)
    return stream(exchange, events(turn, finish="tool_calls" if calls else "stop"))


@behaviour(r"slow-(\d+)x([\d.]+)")
def _slow(exchange: Exchange, count: str, seconds: str) -> None:
    exchange.head(200, "text/event-stream")
    for number in range(int(count)):
        exchange.write(chunk({"content": f"word{number} "}))
        exchange.pause(float(seconds))
    exchange.write(b"".join(events([])))
    exchange.end()


@behaviour("slow")
def _slow_for_a_minute(exchange: Exchange) -> None:
    _slow(exchange, "1200", "0.05")


@behaviour("reasoning(?:-(openrouter))?")
def _reasoning(exchange: Exchange, style: str | None) -> None:
    key = "reasoning" if style else "reasoning_content"
    stream(exchange, events([{key: "Let me "}, {key: "think."}, {"content": "Done."}]))


@behaviour("refusal")
def _refusal(exchange: Exchange) -> None:
    stream(exchange, events([{"refusal": "I will "}, {"refusal": "not."}]))


@behaviour("finish-(.*)")
def _finish(exchange: Exchange, reason: str) -> None:
    stream(exchange, events(words("Hm."), finish=reason))


# --- tool calls ------------------------------------------------------------------------------------------------------


def call(
    name: str | None = None, arguments: Any = "", *, id: str | None = None, index: int | None = 0
) -> dict[str, Any]:
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    piece = {"index": index, "id": id, "type": "function", "function": function}
    return {"tool_calls": [{key: value for key, value in piece.items() if value is not None}]}


def together(*deltas: dict[str, Any]) -> dict[str, Any]:
    return {"tool_calls": [piece for delta in deltas for piece in delta["tool_calls"]]}


TOOL_DELTAS: dict[str, list[dict[str, Any]]] = {
    "parallel": [
        call("NAME", id="call_a", index=0),
        call("NAME", id="call_b", index=1),
        call(arguments='{"expression":', index=0),
        call(arguments='{"expression": "2', index=1),
        call(arguments=' "1+1"}', index=0),
        call(arguments='*3"}', index=1),
    ],
    "no-index": [
        call("NAME", id="call_a", index=None),
        call(arguments='{"expression": "1+1"}', index=None),
        call("NAME", '{"expression": "2*3"}', id="call_b", index=None),
    ],
    "whole": [
        together(
            call("NAME", '{"expression": "1+1"}', id="call_a"),
            call("NAME", '{"expression": "2*3"}', id="call_b", index=1),
        )
    ],
    "same-index": [
        call("NAME", '{"expression": "1+1"}', id="call_a", index=0),
        call("NAME", '{"expression": "2*3"}', id="call_b", index=0),
    ],
    "id-repeated": [
        call("NAME", '{"expression": ', id="call_a", index=0),
        call("NAME", '"1+1"}', id="call_a", index=0),
        call("NAME", '{"expression": "2*3"}', id="call_b", index=1),
    ],
    "id-new-each": [
        call("NAME", '{"expression": ', id="call_a", index=0),
        call(arguments='"1+1"}', id="call_x", index=0),
        call("NAME", '{"expression": "2*3"}', id="call_b", index=1),
    ],
    "object": [
        call("NAME", {"expression": "1+1"}, id="call_a", index=0),
        call("NAME", {"expression": "2*3"}, id="call_b", index=1),
    ],
    "no-id": [call("NAME", '{"expression": "1+1"}', index=0), call("NAME", '{"expression": "2*3"}', index=1)],
    "bare": [call("NAME", '{"expression": "1+1"}', index=None), call("NAME", '{"expression": "2*3"}', index=None)],
    "broken-json": [call("NAME", '{"expression": "1+', id="call_a")],
    "unknown": [call("no_such_tool", "{}", id="call_a")],
    "empty": [call("NAME", id="call_a")],
}


@behaviour("tools(?:-(endless|stop|" + "|".join(TOOL_DELTAS) + "))?")
def _tools(exchange: Exchange, style: str | None) -> None:
    """Call the first tool that is offered; say its result when it is there. ``tools-endless`` never has enough."""
    if exchange.body["messages"][-1]["role"] == "tool" and style != "endless":
        return stream(exchange, events(words(f"The result is {said_last(exchange, 'tool')}.")))
    tools = exchange.body.get("tools") or [{"function": {"name": "calculator"}}]
    once = [call("NAME", id=f"call_{len(exchange.server.requests)}"), call(arguments='{"expression": "6*7"}')]
    text = json.dumps(TOOL_DELTAS.get(style or "", once)).replace("NAME", tools[0]["function"]["name"])
    return stream(exchange, events(json.loads(text), finish="stop" if style == "stop" else "tool_calls"))


# --- good answers in odd clothes -------------------------------------------------------------------------------------


ODD_STREAMS: dict[str, list[bytes]] = {
    "crlf": [piece.replace(b"\n", b"\r\n") for piece in events(words(TEXT))],
    "no-space": [piece.replace(b"data: ", b"data:") for piece in events(words(TEXT))],
    "comments": [b": hello\n\n" + piece + b":\n\n" for piece in events(words(TEXT))],
    "fields": [b"event: message\nid: 1\nretry: 5\n" + piece for piece in events(words(TEXT))],
    "empty-data": [b"data: \n\n" + piece for piece in events(words(TEXT))],
    "multi-line": [piece.replace(b', "model"', b'\ndata: , "model"') for piece in events(words(TEXT))],
    "together": [b"".join(events(words(TEXT)))],
    "bytes": [bytes([byte]) for byte in b"".join(events(words(TEXT)))],
    "bom": [b"\xef\xbb\xbf", *events(words(TEXT))],
    "no-done": events(words(TEXT))[:-1],
    "no-blank-end": [b"".join(events(words(TEXT))[:-1])[:-2]],
    "usage-missing": events(words(TEXT), usage=None),
    "usage-null": [chunk(delta, usage=None) for delta in words(TEXT)] + events([]),
    "usage-growing": [chunk(delta, usage={"completion_tokens": n}) for n, delta in enumerate(words(TEXT))] + events([]),
    "two-choices": [
        event({"choices": [{"index": 1, "delta": {"content": "wrong"}}]}),
        *events(words(TEXT)),
    ],
}


@behaviour("odd-(" + "|".join(ODD_STREAMS) + ")")
def _odd(exchange: Exchange, style: str) -> None:
    stream(exchange, ODD_STREAMS[style])


@behaviour("odd-wrong-type")
def _wrong_type(exchange: Exchange) -> None:
    stream(exchange, events(words(TEXT)), content_type="text/html")


@behaviour("odd-until-close")
def _until_close(exchange: Exchange) -> None:
    stream(exchange, events(words(TEXT)), length=-1)


@behaviour("odd-late-408")
def _late_408(exchange: Exchange) -> None:
    """Answer well, and then send a refusal that nobody asked for, as servers do that time out a kept connection."""
    stream(exchange, events(words(TEXT)))
    exchange.pause(0.05)
    exchange.send(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


@behaviour("odd-document")
def _document(exchange: Exchange) -> None:
    message = {"role": "assistant", "content": TEXT, "tool_calls": call("f", "{}", id="call_a")["tool_calls"]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    exchange.json(200, {"object": "chat.completion", "choices": [choice], "usage": USAGE})


@behaviour("odd-(open|silent)-end")
def _open_end(exchange: Exchange, style: str) -> None:
    """Say everything, then neither end the body nor close."""
    exchange.head(200, "text/event-stream")
    exchange.write(b"".join(events(words(TEXT))[: None if style == "open" else -2]))
    exchange.pause_until_closed()
    exchange.closes = True


# --- faults ----------------------------------------------------------------------------------------------------------


@behaviour(r"fault-([3-5]\d\d)(?:-x(\d+))?(?:-after-([\d.]+|date))?")
def _status(exchange: Exchange, status: str, times: str | None, after: str | None) -> None:
    """Refuse with a status, ``-x2`` only twice and then answer, ``-after-3`` with a Retry-After."""
    if times and exchange.server.calls[exchange.model] > int(times):
        return stream(exchange, events(words(TEXT)))
    extra = f"Retry-After: {formatdate(time() + 20, usegmt=True) if after == 'date' else after}\r\n" if after else ""
    if status.startswith("3"):
        extra += "Location: https://example.com/v1/chat/completions\r\n"
    message = f"It went wrong at https://user:hunter22@10.0.0.1/?key=abc with sk-secret12345678\nand {'x' * 2000}"
    return exchange.json(int(status), {"error": {"message": message, "type": "test"}}, extra=extra)


@behaviour("fault-quote")
def _quote(exchange: Exchange) -> None:
    """Refuse with a message that quotes the credentials."""
    key = exchange.headers["authorization"].removeprefix("Bearer ")
    exchange.json(400, {"error": {"message": f"Who is {key}?"}})


@behaviour("fault-html(?:-(500))?")
def _html(exchange: Exchange, status: str | None) -> None:
    page = b"\n<!DOCTYPE html><html><body><h1>It works!</h1></body></html>"
    exchange.head(int(status or 200), "text/html", length=len(page))
    exchange.write(page)


FAULTY_STREAMS: dict[str, list[bytes]] = {
    "garbage": [chunk({"content": "Hm"}), b"data: {nonsense\n\n"],
    "plain": [b"hello\n", b"world\n\n"],
    "no-finish": [chunk({"content": "Hm"}), b"data: [DONE]\n\n"],
    "empty": [],
    "not-object": [b"data: [1, 2]\n\n"],
    "wrong-shape": [b'data: {"choices": [{"delta": {"content": {"a": 1}}}]}\n\n'],
    "wrong-choices": [b'data: {"choices": {"a": 1}}\n\n'],
    "wrong-calls": [b'data: {"choices": [{"delta": {"tool_calls": ["x"]}}]}\n\n'],
    "wrong-finish": [b'data: {"choices": [{"delta": {}, "finish_reason": ["x"]}]}\n\n'],
    "deep": [b"data: " + b"[" * 100_000 + b"\n\n"],
    "utf8": [b'data: {"choices": [{"delta": {"content": "\xff\xfe"}}]}\n\n'],
    "error-event": [chunk({"content": "Hm"}), event({"error": {"message": "bad tool sk-secret12345678", "code": 400}})],
    "error-event-429": [event({"error": {"message": "slow down", "code": 429}})],
    "error-event-500": [event({"error": {"message": "oops", "type": "server_error"}})],
    "huge-line": [b"data: " + b"x" * 65536] + [b"x" * 65536] * 80,
    "huge-event": [b"data: " + b"x" * 65536 + b"\n"] * 80,
    "many-calls": [chunk(call("f", "{}", id=f"c{number}", index=number)) for number in range(2000)],
}


@behaviour("fault-(" + "|".join(FAULTY_STREAMS) + ")")
def _faulty(exchange: Exchange, style: str) -> None:
    stream(exchange, FAULTY_STREAMS[style])


@behaviour("fault-document(-huge)?")
def _bad_document(exchange: Exchange, huge: str | None) -> None:
    stream(exchange, [b"{ no json"] + [b" " * 65536] * (80 if huge else 0), content_type="application/json")


@behaviour("fault-half-close(?:-(chunked))?")
def _half_close(exchange: Exchange, chunked: str | None) -> None:
    exchange.head(200, "text/event-stream", length=None if chunked else -1)
    exchange.write(chunk({"content": "Hm"}))
    exchange.half_close()


@behaviour("fault-reset(?:-(early))?")
def _reset(exchange: Exchange, early: str | None) -> None:
    if not early:
        exchange.head(200, "text/event-stream")
        exchange.write(chunk({"content": "Hm"}))
        exchange.pause(0.05)
    exchange.reset()


@behaviour("fault-close")
def _close(exchange: Exchange) -> None:
    exchange.closes = True


@behaviour("fault-not-http")
def _not_http(exchange: Exchange) -> None:
    exchange.closes = True
    exchange.send(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")


@behaviour("fault-chunking")
def _chunking(exchange: Exchange) -> None:
    exchange.head(200, "text/event-stream")
    exchange.send(b"zzz\r\n" + chunk({"content": "Hm"}))
    exchange.closes = True


@behaviour("fault-headers")
def _headers(exchange: Exchange) -> None:
    exchange.closes = True
    exchange.send(b"HTTP/1.1 200 OK\r\n" + b"X-Header: x\r\n" * 2000 + b"\r\n")


@behaviour("fault-silence(?:-(headers|midway))?")
def _silence(exchange: Exchange, after: str | None) -> None:
    if after:
        exchange.head(200, "text/event-stream")
    if after == "midway":
        exchange.write(chunk({"content": "Hm"}))
    exchange.pause(FOREVER)


@behaviour("fault-drip(?:-(body|comments|status))?")
def _drip(exchange: Exchange, where: str | None) -> None:
    """Send a byte now and then, so that no receive ever times out: in the headers, a body, comments, an error."""
    if where == "status":
        exchange.head(400, "application/json")
    elif where:
        exchange.head(200, "text/event-stream")
    else:
        exchange.send(b"HTTP/1.1 200 OK\r\nX-Drip: ")
    while not exchange.server.stopping.is_set():
        exchange.write({"body": b"data", "comments": b": still here\n\n", "status": b" "}[where] if where else b"x")
        exchange.pause(0.05)


@behaviour("fault-endless(?:-(fast|empty))?")
def _endless(exchange: Exchange, style: str | None) -> None:
    exchange.head(200, "text/event-stream")
    piece = chunk({"content": "" if style == "empty" else "again "})
    while not exchange.server.stopping.is_set():
        exchange.write(piece * (100 if style else 1))
        if style is None:
            exchange.pause(0.01)
