"""Errors are the client's typed exceptions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anthropic
import pytest
from anthropic.types import ThreadUnsupportedRequestError
from asking import ask, request


@pytest.mark.parametrize("streamed", [False, True])
def test_an_unknown_model_is_not_found(client: anthropic.Anthropic, streamed: bool) -> None:
    with pytest.raises(anthropic.NotFoundError) as caught:
        client.messages.create(**request(model="none"), stream=streamed)
    assert (caught.value.type, caught.value.error_code) == ("not_found_error", "agent_not_found")
    assert "none" in str(caught.value.api_message)
    assert caught.value.request_id


def test_a_wrong_key_is_an_authentication_error(url: str) -> None:
    with anthropic.Anthropic(base_url=url, api_key="sk-wrong", max_retries=0) as client:
        for asked in (lambda: list(client.models.list()), lambda: ask(client)):
            with pytest.raises(anthropic.AuthenticationError) as caught:
                asked()
            assert caught.value.type == "authentication_error"
    with (
        anthropic.Anthropic(base_url=url, auth_token="wrong", max_retries=0) as client,
        pytest.raises(anthropic.AuthenticationError),
    ):
        ask(client)


def test_a_key_without_the_scope_is_denied(url: str, reading_key: str) -> None:
    with anthropic.Anthropic(base_url=url, api_key=reading_key, max_retries=0) as client:
        with pytest.raises((anthropic.PermissionDeniedError, anthropic.NotFoundError)):
            ask(client)
        with pytest.raises(anthropic.PermissionDeniedError) as caught:
            client.models.list()
        assert caught.value.type == "permission_error"


def _messages(*messages: Any) -> Callable[[anthropic.Anthropic], object]:
    return lambda client: client.messages.create(model="helper", max_tokens=10, messages=list(messages))


TOOL: dict[str, Any] = {"name": "weather", "input_schema": {"type": "object"}}
BAD: dict[str, Callable[[anthropic.Anthropic], object]] = {
    "no messages": _messages(),
    "an unknown role": _messages({"role": "wizard", "content": "Hi"}),
    "an unknown block": _messages({"role": "user", "content": [{"type": "smell", "smell": "roses"}]}),
    "no maximum": lambda client: client.post(
        "/v1/messages", body={"model": "helper", "messages": [{"role": "user", "content": "Hi"}]}, cast_to=object
    ),
    "a maximum that is none": lambda client: ask(client, extra_body={"max_tokens": "many"}),
    "a temperature that is none": lambda client: ask(client, extra_body={"temperature": "hot"}),
    "a result without its call": _messages(
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_none", "content": "rain"}]}
    ),
    "tools that are not allowed": lambda client: ask(client, model="closed", tools=[TOOL]),
    "an image that is none": _messages(
        {
            "role": "user",
            "content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "!"}}],
        }
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_mistake_is_a_bad_request(client: anthropic.Anthropic, case: str) -> None:
    with pytest.raises(anthropic.BadRequestError) as caught:
        BAD[case](client)
    assert caught.value.type == "invalid_request_error"
    assert caught.value.api_message
    assert caught.value.request_id


def test_a_request_that_is_too_large_has_an_exception_of_its_own(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.ContentTooLargeError) as caught:
        ask(client, "x" * (11 * 2**20))
    assert caught.value.body["error"]["type"] == "request_too_large"


def test_what_is_not_offered_is_not_found_and_says_what_is(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError, match="/v1/messages"):
        client.messages.batches.list()
    with pytest.raises(anthropic.NotFoundError):
        client.models.retrieve("none")


def test_a_thread_is_refused_as_helpers_of_the_client_expect_it(client: anthropic.Anthropic) -> None:
    with pytest.raises(ThreadUnsupportedRequestError) as caught:
        client.beta.messages.create(**request(), thread={"type": "create"})
    assert caught.value.error_code == "thread_unsupported_request"


FAILURES: dict[str, tuple[type[anthropic.APIStatusError], str, str]] = {
    "bug": (anthropic.InternalServerError, "api_error", "agent_failed"),
    "length": (anthropic.BadRequestError, "invalid_request_error", "context_too_long"),
    "credit": (anthropic.PaymentRequiredError, "billing_error", "quota_exhausted"),
    "away": (anthropic.OverloadedError, "overloaded_error", "provider_unavailable"),
    "limit": (anthropic.OverloadedError, "overloaded_error", "provider_rate_limited"),
}
"""What the model is asked to do, and the exception with its type and code."""


@pytest.mark.parametrize("name", FAILURES)
def test_a_run_that_fails_has_the_exception_of_its_cause(client: anthropic.Anthropic, name: str) -> None:
    kind, type_, code = FAILURES[name]
    with pytest.raises(kind) as caught:
        ask(client, f"fail {name}")
    assert (caught.value.type, caught.value.error_code) == (type_, code)


@pytest.mark.parametrize("name", FAILURES)
def test_a_stream_that_fails_raises(client: anthropic.Anthropic, name: str) -> None:
    with pytest.raises(anthropic.APIStatusError) as caught, client.messages.stream(**request(f"fail {name}")) as stream:
        stream.get_final_message()
    assert (caught.value.type, caught.value.error_code) == FAILURES[name][1:]
    assert caught.value.api_message
