"""Errors are the client's typed exceptions, and it tries again only what may succeed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import openai
import pytest

USER: dict[str, Any] = {"role": "user", "content": "Hi"}


@pytest.fixture
def patient_client(base_url: str, key: str) -> Iterator[openai.OpenAI]:
    """A client that tries again, as it does by itself."""
    with openai.OpenAI(base_url=base_url, api_key=key) as client:
        yield client


def _chat(client: openai.OpenAI, text: str = "Hi", *, model: str = "helper", **more: Any) -> Any:
    return client.chat.completions.create(model=model, messages=[{"role": "user", "content": text}], **more)


@pytest.mark.parametrize("streamed", [False, True])
def test_an_unknown_model_is_not_found(client: openai.OpenAI, streamed: bool) -> None:
    for ask in (
        lambda: client.chat.completions.create(model="none", messages=[USER], stream=streamed),
        lambda: client.responses.create(model="none", input="Hi", stream=streamed),
    ):
        with pytest.raises(openai.NotFoundError) as caught:
            ask()
        assert (caught.value.code, caught.value.param, caught.value.status_code) == ("model_not_found", "model", 404)
        assert caught.value.request_id


def test_a_wrong_key_is_an_authentication_error(base_url: str) -> None:
    with openai.OpenAI(base_url=base_url, api_key="sk-wrong", max_retries=0) as client:
        for ask in (client.models.list, lambda: _chat(client), lambda: client.responses.create(model="m", input="Hi")):
            with pytest.raises(openai.AuthenticationError) as caught:
                ask()
            assert caught.value.code == "invalid_api_key"


def test_a_key_without_the_scope_is_denied(base_url: str, reading_key: str) -> None:
    with openai.OpenAI(base_url=base_url, api_key=reading_key, max_retries=0) as client:
        for ask in (lambda: client.conversations.create(), lambda: client.responses.delete("resp_1")):
            with pytest.raises(openai.PermissionDeniedError):
                ask()
        with pytest.raises((openai.PermissionDeniedError, openai.NotFoundError)):
            _chat(client)


BAD: dict[str, Callable[[openai.OpenAI], object]] = {
    "no messages": lambda client: client.chat.completions.create(model="helper", messages=[]),
    "an unknown role": lambda client: client.chat.completions.create(
        model="helper", messages=[{"role": "wizard", "content": "Hi"}]
    ),
    "several answers": lambda client: _chat(client, n=2),
    "a temperature that is none": lambda client: _chat(client, temperature="hot"),
    "a result without its call": lambda client: client.chat.completions.create(
        model="helper", messages=[USER, {"role": "tool", "tool_call_id": "call_none", "content": "rain"}]
    ),
    "an input of a wrong type": lambda client: client.responses.create(model="helper", input=7),
    "a schema that is not allowed": lambda client: _chat(
        client, model="closed", response_format={"type": "json_object"}
    ),
    "an output without its call": lambda client: client.responses.create(
        model="helper", input=[{"type": "function_call_output", "call_id": "call_none", "output": "rain"}]
    ),
    "a number that is none": lambda client: client.responses.retrieve("resp_1", stream=True, starting_after=-1),
}


@pytest.mark.parametrize("case", BAD)
def test_a_mistake_is_a_bad_request(client: openai.OpenAI, case: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        BAD[case](client)
    assert caught.value.type == "invalid_request_error"
    assert caught.value.message


@pytest.mark.parametrize("id", ["resp_none", "none", "resp_0199c0de-0000-7000-8000-000000000000"])
def test_an_unknown_response_is_not_found(client: openai.OpenAI, id: str) -> None:
    responses = client.responses
    for ask in (responses.retrieve, responses.cancel, responses.delete, responses.input_items.list):
        with pytest.raises(openai.NotFoundError):
            ask(id)
    with pytest.raises(openai.NotFoundError) as caught:
        responses.create(model="helper", input="Hi", previous_response_id=id)
    assert caught.value.code == "previous_response_not_found"


FAILURES: dict[str, tuple[str, int, str, int]] = {
    "a bug of an agent": ("bug", 500, "agent_failed", 1),
    "a conversation that is too long": ("length", 422, "context_length_exceeded", 1),
    "an account without credit": ("credit", 503, "insufficient_quota", 1),
    "a provider that is away": ("away", 503, "provider_unavailable", 3),
    "a provider that asks for less": ("limit", 503, "provider_rate_limited", 3),
}
"""What the model is asked to do; the status, the code, and how often the server is asked."""


@pytest.mark.parametrize("case", FAILURES)
def test_the_client_tries_again_only_what_may_succeed(patient_client: openai.OpenAI, counted, case: str) -> None:
    name, status, code, tries = FAILURES[case]
    headers, count = counted()
    with pytest.raises(openai.APIStatusError) as caught:
        _chat(patient_client, f"fail {name}", extra_headers=headers)
    assert (caught.value.status_code, caught.value.code) == (status, code)
    assert isinstance(caught.value, openai.UnprocessableEntityError if status == 422 else openai.InternalServerError)
    assert count(tries) == tries


# Of those that are tried again, the one that has not to be waited for so long.
@pytest.mark.parametrize("case", ["a bug of an agent", "a provider that asks for less"])
def test_a_response_that_fails_is_tried_again_like_a_completion(
    patient_client: openai.OpenAI, counted, case: str
) -> None:
    name, status, code, tries = FAILURES[case]
    headers, count = counted()
    with pytest.raises(openai.APIStatusError) as caught:
        patient_client.responses.create(model="helper", input=f"fail {name}", extra_headers=headers)
    assert (caught.value.status_code, caught.value.code) == (status, code)
    assert count(tries) == tries


def test_a_failure_in_a_stream_is_raised_by_the_client(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIError, match="broken"):
        list(_chat(client, "fail bug", stream=True))
    events = list(client.responses.create(model="helper", input="fail bug", stream=True))
    assert events[-1].type == "response.failed"
    assert events[-1].response.error.message


@pytest.mark.parametrize("status", [400, 401, 404])
def test_what_is_refused_for_good_is_asked_for_once(base_url: str, key: str, counted, status: int) -> None:
    headers, count = counted()
    given = "sk-wrong" if status == 401 else key
    with openai.OpenAI(base_url=base_url, api_key=given) as client, pytest.raises(openai.APIStatusError) as caught:
        _chat(client, model="none" if status == 404 else "helper", n=2 if status == 400 else 1, extra_headers=headers)
    assert caught.value.status_code == status
    assert count(1) == 1


def test_a_session_that_waits_for_a_person_is_a_conflict_and_not_tried_again(
    patient_client: openai.OpenAI, counted
) -> None:
    conversation = patient_client.conversations.create().id
    patient_client.responses.create(model="clerk", input='call refund {"amount": 5}', conversation=conversation)
    headers, count = counted()
    with pytest.raises(openai.ConflictError) as caught:
        patient_client.responses.create(model="clerk", input="Hi", conversation=conversation, extra_headers=headers)
    assert caught.value.code == "session_busy"
    assert count(1) == 1


def test_a_chain_of_a_response_under_way_is_a_conflict(client: openai.OpenAI) -> None:
    made = client.responses.create(model="helper", input="slow 400", background=True)
    with pytest.raises(openai.ConflictError) as caught:
        client.responses.create(model="helper", input="Hi", previous_response_id=made.id)
    assert caught.value.code == "run_active"
    client.responses.cancel(made.id)


def test_what_a_tenant_may_not_begin_now_is_a_rate_limit_and_begins_later(
    other_client: openai.OpenAI, base_url: str, other_key: str, counted
) -> None:
    """The server of this suite lets a tenant have 12 runs under way."""
    begin = partial(other_client.responses.create, model="helper", input="slow 400", background=True)
    running = [begin().id for _ in range(12)]
    with pytest.raises(openai.RateLimitError) as caught:
        begin()
    assert (caught.value.type, caught.value.status_code) == ("rate_limit_error", 429)
    assert caught.value.response.headers["x-should-retry"] == "true"
    headers, count = counted()
    with openai.OpenAI(base_url=base_url, api_key=other_key, max_retries=4) as patient, ThreadPoolExecutor() as threads:
        asked = threads.submit(patient.responses.create, model="helper", input="Hi", extra_headers=headers)
        count(1)  # It was refused, as there is no room yet.
        for id in running:
            other_client.responses.cancel(id)
        assert asked.result().status == "completed"
    assert count(2) >= 2
