"""Replies of servers of the Messages API, rebuilt from public reports, each with the place where it was reported."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from agentos.domain.message import Message, ToolCall
from agentos.domain.tool_spec import ToolSpec
from agentos.domain.usage import Usage
from agentos.errors import (
    ContentFiltered,
    ContextTooLong,
    ExecutionError,
    ProviderError,
    ProviderRateLimited,
    ProviderUnavailable,
    QuotaExhausted,
)
from agentos.models.anthropic_messages import AnthropicMessages, MessagesDialect
from agentos.models.deltas import Delta, Finish, MessageDetails, ToolCallDelta, each
from agentos.models.request import ModelRequest
from parts.deltas import calls_of, text_of, thoughts_of, usage_of
from parts.message_behaviours import event, start, stop, text, written
from parts.replay_server import ReplayServer, error, reply

CASES = Path(__file__).parent / "cases" / "messages"
OK = reply(written([start(), *text("ok"), *stop()]))
TOOL = ToolSpec("get_weather", "Tell the weather.", {"type": "object", "properties": {"city": {"type": "string"}}})
OSLO, BERGEN = '{"city":"Oslo"}', '{"city":"Bergen"}'

Play = Callable[..., tuple[AnthropicMessages, ReplayServer]]


def recorded(name: str) -> str:
    return (CASES / f"{name}.http").read_text("utf-8")


@pytest.fixture
def play() -> Iterator[Play]:
    """Return a function that starts a server with these replies, and a client for it."""
    with ExitStack() as stack:

        def play(*replies: str, **options: Any) -> tuple[AnthropicMessages, ReplayServer]:
            server = stack.enter_context(ReplayServer(*replies))
            client = AnthropicMessages(server.url, **{"token_timeout": 20.0, **options})
            stack.callback(client.close)
            return client, server

        yield play


def ask(model: str = "m", **fields: Any) -> ModelRequest:
    messages = fields.pop("messages", (Message("user", "Hi"),))
    return ModelRequest(model=model, messages=messages, deadline=time.monotonic() + 20, **fields)


def said(play: Play, *names: str, **fields: Any) -> list[Delta]:
    client, _ = play(*map(recorded, names))
    return list(each(client.stream(ask(**fields))))


def next_turn(play: Play, deltas: list[Delta], **options: Any) -> list[dict[str, Any]]:
    """Return the turns of the request that follows an answer, with a result for each of its calls."""
    client, server = play(OK, **options)
    calls = [delta for delta in deltas if isinstance(delta, ToolCallDelta)]
    fields = [delta.fields for delta in deltas if isinstance(delta, MessageDetails)]
    message = Message(
        "assistant",
        text_of(deltas),
        tool_calls=tuple(ToolCall(one.id or "x", one.name or "", one.arguments, one.provider_details) for one in calls),
        provider_details=fields[0] if fields else None,
    )
    results = [Message("tool", "rain", tool_call_id=one.id) for one in calls] or [Message("user", "And now?")]
    list(client.stream(ask(messages=[Message("user", "Hi"), message, *results])))
    turns: list[dict[str, Any]] = server.requests[0]["messages"]
    return turns


# --- answers ----------------------------------------------------------------------------------------------------------


class Answer(NamedTuple):
    """What is read of a reply, and where such a reply was reported."""

    name: str
    source: str
    text: str = "Good day"
    thoughts: str = ""
    calls: tuple[tuple[str | None, str, str], ...] = ()
    reason: str = "stop"


WEATHER = (("toolu_1", "get_weather", OSLO),)
ANSWERS = [
    Answer(
        "litellm-end-turn-after-a-call",
        "https://github.com/BerriAI/litellm/issues/34692",
        text="",
        calls=WEATHER,
        reason="tool_calls",
    ),
    Answer(
        "ollama-thinking-under-an-open-number",
        "https://github.com/ollama/ollama/issues/17101",
        text="---\nGood day",
        thoughts="So",
    ),
    Answer(
        "sglang-text-inside-a-call",
        "https://github.com/sgl-project/sglang/issues/24293",
        calls=(("call_1", "get_weather", OSLO),),
        reason="tool_calls",
    ),
    Answer("litellm-delta-without-a-block", "https://github.com/PostHog/posthog/pull/72287", thoughts="So"),
    Answer("vllm-no-stop-sequence", "https://github.com/vllm-project/vllm/issues/55324"),
    Answer("vllm-done-behind-the-end", "https://github.com/vllm-project/vllm/pull/37510"),
    Answer("proxy-event-done", "https://github.com/earendil-works/pi/issues/3708"),
    Answer("gateway-no-event-lines", "https://github.com/earendil-works/pi/issues/4381"),
    Answer("proxy-no-space-behind-data", "https://github.com/Pasta-Devs/Marinara-Engine/issues/2744"),
    Answer("zen-no-stop-reason", "https://github.com/anomalyco/opencode/issues/43617"),
    Answer("luthien-start-again-and-again", "https://github.com/LuthienResearch/luthien-proxy/issues/59"),
    Answer("moonshot-types-left-out", "https://github.com/MoonshotAI/Kimi-K2/issues/129"),
    Answer("gateway-ping-as-data", "https://platform.claude.com/docs/en/build-with-claude/streaming#ping-events"),
    Answer("whole-message-behind-its-pieces", "https://github.com/baptisteArno/typebot.io/issues/1359"),
    Answer("unknown-events-and-blocks", "https://platform.claude.com/docs/en/api/versioning"),
    Answer("status-201", "https://github.com/BerriAI/litellm/issues/31551"),
    Answer("document-instead-of-a-stream", "https://github.com/BerriAI/litellm/issues/31551", thoughts="So"),
    Answer(
        "no-arguments",
        "https://github.com/BerriAI/litellm/issues/5063",
        text="",
        calls=(("toolu_1", "get_time", "{}"),),
        reason="tool_calls",
    ),
    Answer(
        "arguments-in-many-pieces",
        "https://github.com/bojieli/ai-agent-book/issues/194",
        text="",
        calls=(("toolu_1", "get_weather", '{"city": "Oslo"}'),),
        reason="tool_calls",
    ),
    Answer(
        "arguments-in-the-start",
        "https://github.com/vercel/ai/pull/12591",
        text="",
        calls=WEATHER,
        reason="tool_calls",
    ),
    Answer(
        "vllm-broken-arguments",
        "https://github.com/vllm-project/vllm/pull/34887",
        text="",
        calls=(("O4kbyHTo9", "run", 'code": "uptime"}'),),
        reason="tool_calls",
    ),
    Answer(
        "call-cut-by-the-limit",
        "https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons",
        text="Well.",
        calls=(("toolu_1", "clean_up", ""),),
        reason="length",
    ),
    Answer(
        "index-gaps",
        "https://github.com/ollama/ollama/issues/17101",
        text="",
        calls=(*WEATHER, ("toolu_2", "get_weather", BERGEN)),
        reason="tool_calls",
    ),
    Answer(
        "calls-without-ids",
        "https://github.com/Arize-ai/phoenix/issues/5311",
        text="",
        calls=((None, "get_weather", OSLO), (None, "get_weather", BERGEN)),
        reason="tool_calls",
    ),
    Answer(
        "no-content-block-stop",
        "https://github.com/Dstack-TEE/private-ai-gateway/pull/114",
        calls=WEATHER,
        reason="tool_calls",
    ),
    Answer("tool-use-without-a-call-but-text", "https://github.com/earendil-works/pi/issues/9681"),
    Answer(
        "redacted-thinking",
        "https://github.com/alibaba/open-code-review/issues/811",
        thoughts="So",
        calls=WEATHER,
        reason="tool_calls",
    ),
    Answer("signature-in-the-start", "https://github.com/cloudwego/eino-ext/pull/388", thoughts="So"),
    Answer("omitted-thinking", "https://github.com/AAswordman/Operit/pull/568"),
    Answer(
        "deepseek-thinking-without-a-signature",
        "https://github.com/QuantumNous/new-api/issues/4763",
        text="",
        thoughts="So",
        calls=(("call_00_a", "get_weather", OSLO),),
        reason="tool_calls",
    ),
    Answer(
        "interleaved-thinking",
        "https://github.com/mozilla-ai/any-llm/pull/1312",
        text="First. Second.",
        thoughts="OneTwo",
        calls=WEATHER,
        reason="tool_calls",
    ),
    Answer("web-search", "https://github.com/langchain-ai/langchainjs/issues/9906"),
    Answer("caller-of-a-call", "https://github.com/vercel/ai/pull/13046", text="", calls=WEATHER, reason="tool_calls"),
    Answer(
        "refusal-after-text",
        "https://github.com/prism-php/prism/pull/1003",
        text="Half of ",
        reason="content_filter",
    ),
    Answer(
        "window-exceeded-after-text",
        "https://github.com/tetsuo-ai/agenc-core/issues/2111",
        text="Half of ",
        reason="length",
    ),
]


@pytest.mark.parametrize("case", ANSWERS, ids=lambda case: case.name)
def test_the_answer_is_read(play: Play, case: Answer) -> None:
    deltas = said(play, case.name)
    assert (text_of(deltas), thoughts_of(deltas)) == (case.text, case.thoughts)
    assert calls_of(deltas) == list(case.calls)
    assert deltas[-1] == Finish(case.reason)


# --- what goes back ---------------------------------------------------------------------------------------------------

THINKING = {"type": "thinking", "thinking": "So", "signature": "c2ln"}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Oslo"}}
GOOD_DAY = {"type": "text", "text": "Good day"}
SEARCH = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "day"}}
RESULT = {
    "type": "web_search_tool_result",
    "tool_use_id": "srvtoolu_1",
    "content": [{"type": "web_search_result", "url": "https://example.com", "title": "T", "encrypted_content": "RW5j"}],
}
RETURNED: dict[str, list[dict[str, Any]]] = {
    "redacted-thinking": [THINKING, {"type": "redacted_thinking", "data": "ZGF0YQ=="}, GOOD_DAY, CALL],
    "signature-in-the-start": [THINKING, GOOD_DAY],
    "omitted-thinking": [{**THINKING, "thinking": ""}, GOOD_DAY],
    "deepseek-thinking-without-a-signature": [{**THINKING, "signature": ""}, {**CALL, "id": "call_00_a"}],
    "interleaved-thinking": [
        {"type": "thinking", "thinking": "One", "signature": "czE="},
        {"type": "text", "text": "First. "},
        {"type": "thinking", "thinking": "Two", "signature": "czI="},
        {"type": "text", "text": "Second."},
        CALL,
    ],
    "web-search": [SEARCH, RESULT, GOOD_DAY],
    "caller-of-a-call": [{**CALL, "caller": {"type": "direct"}}],
    "unknown-events-and-blocks": [{"type": "telepathy", "wave": 7}, GOOD_DAY],
    "litellm-end-turn-after-a-call": [CALL],
    "no-arguments": [{**CALL, "name": "get_time", "input": {}}],
    "vllm-broken-arguments": [
        {**CALL, "id": "O4kbyHTo9", "name": "run", "input": {"invalid_arguments": 'code": "uptime"}'}}
    ],
}


@pytest.mark.parametrize("name", RETURNED)
def test_the_blocks_go_back_as_they_came(play: Play, name: str) -> None:
    assert next_turn(play, said(play, name))[1] == {"role": "assistant", "content": RETURNED[name]}


def test_anthropic_never_gets_thinking_without_a_signature(play: Play) -> None:
    # https://github.com/code-yeongyu/oh-my-openagent/issues/2775
    deltas = said(play, "deepseek-thinking-without-a-signature")
    turns = next_turn(play, deltas, dialect=MessagesDialect(unsigned_thinking=False))
    assert [block["type"] for block in turns[1]["content"]] == ["tool_use"]


def test_a_paused_turn_goes_on_with_what_it_said(play: Play) -> None:
    # https://github.com/laravel/ai/pull/493
    client, server = play(recorded("pause-turn-1"), recorded("pause-turn-2"))
    deltas = list(each(client.stream(ask())))
    assert text_of(deltas) == "Let me look. Good day"
    assert server.requests[1]["messages"][1:] == [
        {"role": "assistant", "content": [{"type": "text", "text": "Let me look. "}, SEARCH]}
    ]
    assert usage_of(deltas) == Usage(30, 11)
    assert deltas[-1] == Finish("stop")
    assert sum(isinstance(delta, Finish) for delta in deltas) == 1
    look = {"type": "text", "text": "Let me look. "}
    assert next_turn(play, deltas)[1]["content"] == [look, SEARCH, RESULT, GOOD_DAY]


def test_a_server_that_does_not_stream_goes_on_behind_its_pause_too(play: Play) -> None:
    message = {"type": "message", "role": "assistant", "usage": {"input_tokens": 1, "output_tokens": 2}}
    parts = [
        {**message, "content": [{"type": "text", "text": words}], "stop_reason": reason}
        for words, reason in (("Let me look.", "pause_turn"), (" It rains.", "end_turn"))
    ]
    client, _ = play(*(reply(json.dumps(part), content_type="application/json") for part in parts))
    deltas = list(each(client.stream(ask())))
    assert (text_of(deltas), usage_of(deltas)) == ("Let me look. It rains.", Usage(2, 4))


def test_a_turn_that_pauses_for_ever_ends_as_cut(play: Play) -> None:
    client, server = play(recorded("pause-turn-1"))
    assert list(each(client.stream(ask())))[-1] == Finish("length")
    assert len(server.requests) == 17


# --- usage ------------------------------------------------------------------------------------------------------------

USAGES = {
    # https://github.com/maximhq/bifrost/pull/5355
    "qwen-usage-split-at-the-end": Usage(8849, 426, 0, 8831),
    # https://github.com/ithtelab/workbuddy-manager/issues/39
    "usage-only-at-the-end": Usage(1204, 9, 0, 1024),
    # https://github.com/farion1231/cc-switch/pull/6655
    "usage-zero-at-the-end": Usage(120, 9),
    # https://github.com/envoyproxy/ai-gateway/pull/2236, https://github.com/KryptSec/oasis/pull/45
    "usage-cumulative": Usage(40, 16, 11, 1),
    # https://github.com/mnfst/llm-gateway/pull/2057
    "usage-of-the-input-without-its-cache": Usage(110, 9, 0, 100),
    # https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html
    "bedrock-metrics": Usage(12, 34),
}


@pytest.mark.parametrize("name", USAGES)
def test_tokens_are_counted_once_and_whole(play: Play, name: str) -> None:
    assert usage_of(said(play, name)) == USAGES[name]


OVERLOADED = event("error", error={"type": "overloaded_error", "message": "Overloaded"})


@pytest.mark.parametrize(
    ("events", "error", "usage"),
    [
        ([start(input_tokens=7), *stop("refusal")], ContentFiltered, Usage(7, 5)),
        ([start(input_tokens=7), *text("Let me"), OVERLOADED], ProviderUnavailable, Usage(7, 0)),
        # It may be made again, which nothing that was said before may prevent.
        ([start(input_tokens=7), OVERLOADED], ProviderUnavailable, None),
    ],
)
def test_an_answer_that_failed_is_counted_as_far_as_it_came(
    play: Play, events: list[Any], error: type[ExecutionError], usage: Usage | None
) -> None:
    client, _ = play(reply(written(events)))
    found: list[Delta] = []
    with pytest.raises(error):
        found.extend(each(client.stream(ask())))
    assert [delta for delta in found if isinstance(delta, Usage)] == ([] if usage is None else [usage])


# --- failures ---------------------------------------------------------------------------------------------------------


class Failure(NamedTuple):
    """What a reply ends in, and where it was reported."""

    name: str
    source: str
    error: type[ExecutionError]
    words: str
    retryable: bool = False
    text: str = ""


FAILURES = [
    Failure(
        "overloaded-in-the-first-event",
        "https://github.com/Podden/openwebui_anthropic_api_manifold_pipe/issues/19",
        ProviderUnavailable,
        "Overloaded",
        retryable=True,
    ),
    Failure(
        "api-error-after-text",
        "https://github.com/BerriAI/litellm/issues/4562",
        ProviderUnavailable,
        "Internal server error",
        retryable=True,
        text="Half of ",
    ),
    Failure(
        "rate-limit-in-the-stream",
        "https://github.com/byte5ai/omadia/pull/122",
        ProviderRateLimited,
        "rate limit",
        retryable=True,
    ),
    Failure(
        "cut-in-the-arguments",
        "https://github.com/BerriAI/litellm/pull/32159",
        ProviderError,
        "ended without finishing",
        text="Half of ",
    ),
    Failure(
        "cut-before-the-first-piece",
        "https://github.com/baptisteArno/typebot.io/issues/1359",
        ProviderUnavailable,
        "before the first piece",
        retryable=True,
    ),
    Failure(
        "minimax-base-resp",
        "https://github.com/milind-soni/OpenMausBot/pull/1200",
        QuotaExhausted,
        "insufficient balance",
    ),
    Failure("openai-shape", "https://github.com/BerriAI/litellm/issues/31551", ProviderError, "speaks OpenAI's API"),
    Failure("web-page", "https://github.com/lbjlaq/Antigravity-Manager/issues/1692", ProviderError, "a web page"),
    Failure(
        "bad-gateway-page",
        "https://github.com/anthropics/claude-code/issues/3558",
        ProviderUnavailable,
        r"\(status 502\)$",
        retryable=True,
    ),
    Failure(
        "overloaded-529",
        "https://github.com/anthropics/anthropic-sdk-typescript/issues/616",
        ProviderUnavailable,
        r"\(status 529\): Overloaded",
        retryable=True,
    ),
    Failure("should-not-retry", "https://github.com/writingmate/chatlabs/pull/35", ProviderError, "non-empty content"),
    Failure(
        "credit-balance",
        "https://github.com/anthropics/claude-code/issues/66314",
        QuotaExhausted,
        "credit balance is too low",
    ),
    Failure(
        "rate-limit-429",
        "https://platform.claude.com/docs/en/api/rate-limits#response-headers",
        ProviderRateLimited,
        "30,000 input tokens per minute",
        retryable=True,
    ),
    Failure(
        "prompt-too-long",
        "https://platform.claude.com/docs/en/build-with-claude/context-windows",
        ContextTooLong,
        "208310 tokens > 200000",
    ),
    Failure(
        "request-too-large-413",
        "https://platform.claude.com/docs/en/api/errors",
        ContextTooLong,
        "maximum size",
    ),
    Failure("unknown-model-404", "https://platform.claude.com/docs/en/api/errors", ProviderError, "model: claude-9"),
    Failure("key-refused-401", "https://platform.claude.com/docs/en/api/errors", ProviderError, "check that it is set"),
    Failure(
        "blocked-output",
        "https://platform.claude.com/docs/en/api/errors",
        ContentFiltered,
        "content filtering policy",
    ),
    Failure(
        "zai-code-1302",
        "https://docs.z.ai/api-reference/api-code",
        ProviderRateLimited,
        "High concurrency",
        retryable=True,
    ),
    Failure(
        "refusal-without-text",
        "https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons",
        ContentFiltered,
        "This request was declined",
    ),
    Failure(
        "window-exceeded-without-text",
        "https://github.com/tetsuo-ai/agenc-core/issues/2111",
        ContextTooLong,
        "longer than the model takes",
    ),
    Failure(
        "tool-use-without-content",
        "https://github.com/earendil-works/pi/issues/9681",
        ProviderError,
        "named none",
        retryable=True,
    ),
]


@pytest.mark.parametrize("case", FAILURES, ids=lambda case: case.name)
def test_the_failure_is_told(play: Play, case: Failure) -> None:
    client, server = play(recorded(case.name))
    found: list[Delta] = []
    with pytest.raises(ExecutionError, match=case.words) as raised:
        found.extend(each(client.stream(ask())))
    assert type(raised.value) is case.error
    assert raised.value.details.get("retryable", False) is case.retryable
    assert text_of(found) == case.text
    assert len(server.requests) == 1


def test_a_message_without_anything_is_a_failure(play: Play) -> None:
    client, _ = play(reply(written([start(), stop()[1]])))
    with pytest.raises(ProviderUnavailable, match="before the first piece"):
        list(client.stream(ask()))


def test_a_silence_in_the_middle_is_a_failure(play: Play) -> None:
    # https://github.com/MiniMax-AI/MiniMax-M2/issues/109
    half = written([start(), *text("Half of ")[:2]])
    client, _ = play(reply(f"{half}%%sleep 15%%\n"), token_timeout=0.5)
    with pytest.raises(ProviderUnavailable, match="silent for"):
        list(client.stream(ask()))


# --- refusals that are answered ---------------------------------------------------------------------------------------

HISTORY = (
    Message("user", "Hi"),
    Message(
        "assistant",
        tool_calls=(ToolCall("toolu_1", "get_weather", OSLO),),
        provider_details={"blocks": [THINKING, {"type": "tool_use"}]},
    ),
    Message("tool", "rain", tool_call_id="toolu_1"),
)
ENABLED = {"thinking": {"type": "enabled", "budget_tokens": 2048}}
ADAPTIVE = {"thinking": {"type": "adaptive"}}
NEWER = MessagesDialect(version="2026-10-21")


class Refusal(NamedTuple):
    """What a server refuses of a request, and what the next request looks like."""

    name: str
    source: str
    differs: Callable[[dict[str, Any]], object]
    before: object
    after: object
    parameters: dict[str, Any] = {}  # noqa: RUF012 - never changed
    fields: dict[str, Any] = {}  # noqa: RUF012
    remembered: bool = True


def refusal(words: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": "invalid_request_error", "message": words}}


def field(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda body: body.get(name)


def in_history(body: dict[str, Any]) -> object:
    return [block["type"] for block in body["messages"][1]["content"]]


REFUSALS = [
    Refusal(
        "max-tokens-too-large",
        "https://github.com/ChatGPTNextWeb/NextChat/issues/4964",
        field("max_tokens"),
        64000,
        4096,
    ),
    Refusal(
        "max-tokens-nested-in-litellm",
        "https://github.com/anthropics/claude-code/issues/11302",
        field("max_tokens"),
        64000,
        4096,
    ),
    Refusal(
        "max-tokens-of-volcengine",
        "https://github.com/yiliqi78/TOKENICODE/issues/3",
        field("max_tokens"),
        64000,
        32768,
    ),
    Refusal(
        "max-tokens-of-dashscope",
        "https://github.com/open-webui/open-webui/issues/10507",
        field("max_tokens"),
        64000,
        8192,
    ),
    Refusal(
        "max-tokens-over-the-window",
        "https://github.com/docker/docker-agent/issues/569",
        field("max_tokens"),
        64000,
        21041,
        remembered=False,
    ),
    Refusal(
        "foreign-signature",
        "https://github.com/anthropics/claude-code/issues/10627",
        in_history,
        ["thinking", "tool_use"],
        ["tool_use"],
        fields={"messages": HISTORY},
        remembered=False,
    ),
    Refusal(
        "foreign-signature-nested-in-vertex",
        "https://github.com/lbjlaq/Antigravity-Manager/issues/498",
        in_history,
        ["thinking", "tool_use"],
        ["tool_use"],
        fields={"messages": HISTORY},
        remembered=False,
    ),
    Refusal(
        "deepseek-thinking-must-come-back",
        "https://github.com/OEvortex/aether/issues/31",
        field("thinking"),
        None,
        {"type": "disabled"},
        remembered=False,
    ),
    Refusal(
        "kimi-reasoning-missing",
        "https://github.com/farion1231/cc-switch/pull/3377",
        field("thinking"),
        ADAPTIVE["thinking"],
        {"type": "disabled"},
        parameters=ADAPTIVE,
        remembered=False,
    ),
    Refusal(
        "expected-thinking",
        "https://github.com/lbjlaq/Antigravity-Manager/issues/139",
        field("thinking"),
        ENABLED["thinking"],
        {"type": "disabled"},
        parameters=ENABLED,
        fields={"messages": HISTORY},
        remembered=False,
    ),
    Refusal(
        "thinking-enabled-refused",
        "https://github.com/AAswordman/Operit/pull/568",
        field("thinking"),
        ENABLED["thinking"],
        {"type": "adaptive", "display": "summarized"},
        parameters=ENABLED,
    ),
    Refusal(
        "adaptive-refused",
        "https://github.com/openclaw/openclaw/pull/67814",
        field("thinking"),
        ADAPTIVE["thinking"],
        {"type": "enabled", "budget_tokens": 16000},
        parameters=ADAPTIVE,
    ),
    Refusal(
        "forced-call-beside-thinking",
        "https://github.com/mastra-ai/mastra/issues/7507",
        field("tool_choice"),
        {"type": "any"},
        {"type": "auto"},
        parameters={"tool_choice": "required"},
        fields={"tools": [TOOL]},
        remembered=False,
    ),
    Refusal(
        "deepseek-no-tool-choice",
        "https://github.com/deepseek-ai/awesome-deepseek-integration/issues/606",
        field("tool_choice"),
        {"type": "any"},
        None,
        parameters={"tool_choice": "required"},
        fields={"tools": [TOOL]},
    ),
    Refusal(
        "temperature-removed",
        "https://qiita.com/khronov/items/4dd5155b0db7f482ea64",
        field("temperature"),
        0.2,
        None,
        parameters={"temperature": 0.2},
    ),
    Refusal(
        "temperature-and-top-p",
        "https://platform.claude.com/docs/en/about-claude/models/migration-guide",
        field("temperature"),
        0.2,
        None,
        parameters={"temperature": 0.2, "top_p": 0.9},
    ),
    Refusal(
        "bedrock-cache-control",
        "https://github.com/UKGovernmentBEIS/inspect_ai/pull/3851",
        field("cache_control"),
        {"type": "ephemeral"},
        None,
        parameters={"cache_control": {"type": "ephemeral"}},
    ),
    Refusal(
        "vertex-marks",
        "https://github.com/cg-dot/vertexai-cf-workers/pull/21",
        lambda body: "cache_control" in str(body),
        True,
        False,
        parameters={"prompt_caching": True},
    ),
    Refusal(
        "output-config-refused",
        "https://platform.claude.com/docs/en/build-with-claude/structured-outputs",
        lambda body: ("output_config" in body, "JSON schema" in str(body.get("system"))),
        (True, False),
        (False, True),
        fields={"output_schema": {"type": "object", "properties": {}}},
    ),
    Refusal(
        "schema-of-another-kind",
        "https://platform.claude.com/docs/en/build-with-claude/structured-outputs",
        field("output_config"),
        {"format": {"type": "json_schema", "schema": {"type": "array", "items": {"type": "string"}}}},
        None,
        fields={"output_schema": {"type": "array", "items": {"type": "string"}}},
        remembered=False,
    ),
    Refusal(
        "context-management-refused",
        "https://github.com/router-for-me/CLIProxyAPI/issues/4750",
        field("context_management"),
        {"edits": []},
        None,
        parameters={"context_management": {"edits": []}},
    ),
]


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case.name)
def test_what_is_refused_is_sent_in_another_way(play: Play, case: Refusal) -> None:
    client, server = play(recorded(case.name), OK)
    request = ask("claude-x", parameters=case.parameters, **case.fields)
    assert text_of(each(client.stream(request))) == "ok"
    assert [case.differs(body) for body in server.requests] == [case.before, case.after]
    # The next call begins with what the server takes, where that is not a matter of this conversation alone.
    assert text_of(each(client.stream(request))) == "ok"
    assert case.differs(server.requests[2]) == (case.after if case.remembered else case.before)


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case.name)
def test_a_refusal_that_does_not_end_ends_the_call(play: Play, case: Refusal) -> None:
    client, server = play(recorded(case.name))
    with pytest.raises(ExecutionError):
        list(client.stream(ask("claude-x", parameters=case.parameters, **case.fields)))
    assert len(server.requests) <= 4


def test_beta_headers_that_are_refused_are_left_out(play: Play) -> None:
    # https://github.com/router-for-me/CLIProxyAPI/issues/4750
    client, server = play(recorded("bedrock-beta-flag"), OK)
    request = ask(parameters={"betas": ["fast-mode-2026-02-01", "oauth-2025-04-20"]})
    for _ in range(2):
        assert text_of(each(client.stream(request))) == "ok"
    sent = ["anthropic-beta: fast-mode-2026-02-01,oauth-2025-04-20" in head for head in server.heads]
    assert sent == [True, False, False]
    assert all("betas" not in body for body in server.requests)


@pytest.mark.parametrize(
    ("name", "words", "parameters"),
    [
        (
            "output_config",
            "output_config.effort: This model does not support effort level 'max'. Supported levels: high, low.",
            ({"reasoning_effort": "max"}, {"reasoning_effort": "low"}),
        ),
        (
            "temperature",
            "`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
            ({"temperature": 0.5, "top_p": 0.5}, {"temperature": 0.5}),
        ),
    ],
)
def test_what_is_refused_for_its_value_or_beside_another_field_is_kept_for_other_agents(
    play: Play, name: str, words: str, parameters: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    refused, right = parameters
    client, server = play(error("400 X", refusal(words)), OK)
    for given in (refused, refused, right):
        assert text_of(each(client.stream(ask(parameters=given)))) == "ok"
    assert [name in body for body in server.requests] == [True, False, False, True]


def test_a_beta_that_is_unknown_takes_nothing_from_other_agents(play: Play) -> None:
    # https://github.com/anthropics/claude-code/issues/13770
    words = "Unexpected value(s) `no-such-beta` for the `anthropic-beta` header."
    client, server = play(error("400 X", refusal(words)), OK)
    for beta in ("no-such-beta", "no-such-beta", "fast-mode-2026-02-01"):
        assert text_of(each(client.stream(ask(parameters={"betas": [beta]})))) == "ok"
    assert ["anthropic-beta" in head for head in server.heads] == [True, False, False, True]


def test_what_was_left_out_of_the_history_stays_out_when_a_field_is_refused_too(play: Play) -> None:
    client, server = play(
        recorded("foreign-signature"), error("400 X", refusal("`temperature` is not supported by this model")), OK
    )
    request = ask(parameters={"temperature": 0.5}, messages=HISTORY)
    assert text_of(each(client.stream(request))) == "ok"
    assert [in_history(body) for body in server.requests] == [["thinking", "tool_use"], ["tool_use"], ["tool_use"]]
    assert "temperature" not in server.requests[-1]


# Parameters may be anything, and the server's words about them are what helps.
@pytest.mark.parametrize(
    "parameters",
    [
        {"thinking": "on"},
        {"tool_choice": "required", "extra_body": {"tool_choice": "any"}},
        {"extra_body": {"thinking": None, "output_config": "x"}},
        {"extra_body": {"max_tokens": 70000.0}},
    ],
)
@pytest.mark.parametrize("words", ["thinking: Input should be an object", "output_config.format: x", "max_tokens: x"])
def test_fields_of_another_shape_end_in_the_words_of_the_server(
    play: Play, parameters: dict[str, Any], words: str
) -> None:
    client, _ = play(error("400 X", refusal(words)))
    with pytest.raises(ProviderError, match=words):
        list(client.stream(ask(parameters=parameters, tools=[TOOL])))


def test_a_server_that_does_not_know_the_newer_version_gets_the_older_one(play: Play) -> None:
    # https://github.com/directus-labs/extensions/issues/285
    client, server = play(recorded("version-refused"), OK, dialect=NEWER)
    request = ask(parameters={"temperature": 0.2})
    for _ in range(2):
        assert text_of(each(client.stream(request))) == "ok"
    versions = [head.lower().partition("anthropic-version: ")[2][:10] for head in server.heads]
    assert versions == ["2026-10-21", "2023-06-01", "2023-06-01"]
    assert [body.get("temperature") for body in server.requests] == [None, 0.2, 0.2]


def test_a_refusal_of_the_newer_version_means_nothing_with_the_older_one(play: Play) -> None:
    client, server = play(recorded("version-refused"), OK)
    with pytest.raises(ProviderError, match="not a valid version"):
        list(client.stream(ask()))
    assert len(server.requests) == 1


def test_a_conversation_that_became_too_long_is_not_shortened_behind_its_text(play: Play) -> None:
    client, _ = play(recorded("pause-turn-1"), recorded("prompt-too-long"))
    found: list[Delta] = []
    with pytest.raises(ProviderError, match="prompt is too long") as raised:
        found.extend(each(client.stream(ask())))
    assert type(raised.value) is ProviderError
    assert text_of(found) == "Let me look. "


def test_a_limit_of_the_agent_itself_is_never_changed(play: Play) -> None:
    client, server = play(recorded("max-tokens-too-large"), OK)
    with pytest.raises(ProviderError, match="max_tokens: 64000 > 4096"):
        list(client.stream(ask("claude-x", parameters={"max_tokens": 64000})))
    assert len(server.requests) == 1


def test_every_case_is_in_a_test() -> None:
    named = {case.name for case in (*ANSWERS, *FAILURES, *REFUSALS)} | RETURNED.keys() | USAGES.keys()
    named |= {"pause-turn-1", "pause-turn-2", "bedrock-beta-flag", "version-refused"}
    assert {path.stem for path in CASES.iterdir()} == named
