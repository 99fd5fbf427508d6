"""The client tries again by itself what may succeed, and only that: counted at the server."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import openai
import pytest


@pytest.fixture
def patient_client(base_url: str, key: str) -> Iterator[openai.OpenAI]:
    """A client that tries again, as it does by itself."""
    with openai.OpenAI(base_url=base_url, api_key=key) as client:
        yield client


def _chat(client: openai.OpenAI, text: str = "Hi", *, model: str = "helper", **more: Any) -> Any:
    return client.chat.completions.create(model=model, messages=[{"role": "user", "content": text}], **more)


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


@pytest.mark.parametrize("door", ["chat", "responses"])
def test_a_request_that_took_too_long_gets_its_own_run_when_it_is_sent_again(
    base_url: str, key: str, server, door: str
) -> None:
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    text = f"slow 40 {uuid.uuid4().hex}"
    with openai.OpenAI(base_url=base_url, api_key=key, max_retries=8, timeout=1) as client:
        if door == "chat":
            said = _chat(client, text, extra_headers=headers).choices[0].message.content
        else:
            said = client.responses.create(model="helper", input=text, extra_headers=headers).output_text
    assert said == "".join(f"word{number} " for number in range(40))
    newest = server.get("/runs?limit=20")["runs"]
    assert [run["input"] for run in newest].count(text) == 1


def test_a_request_that_took_too_long_and_is_not_sent_again_is_a_timeout(base_url: str, key: str) -> None:
    with openai.OpenAI(base_url=base_url, api_key=key, max_retries=0, timeout=0.5) as client:
        ask = partial(_chat, client, "slow 40")
        with pytest.raises(openai.APITimeoutError):
            ask()


def test_the_client_for_coroutines_tries_again_too(base_url: str, key: str, counted) -> None:
    headers, count = counted()

    async def ask() -> None:
        async with openai.AsyncOpenAI(base_url=base_url, api_key=key) as client:
            with pytest.raises(openai.InternalServerError):
                await client.responses.create(model="helper", input="fail limit", extra_headers=headers)

    asyncio.run(ask())
    assert count(3) == 3
