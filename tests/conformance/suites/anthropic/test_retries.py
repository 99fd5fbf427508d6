"""The client tries again by itself what may succeed, and only that: counted at the server."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator

import anthropic
import pytest
from asking import ask, request, text_of


@pytest.fixture
def patient_client(url: str, key: str) -> Iterator[anthropic.Anthropic]:
    """A client that tries again, as it does by itself."""
    with anthropic.Anthropic(base_url=url, api_key=key) as client:
        yield client


FAILURES: dict[str, tuple[str, int]] = {
    "a bug of an agent": ("bug", 1),
    "a conversation that is too long": ("length", 1),
    "an account without credit": ("credit", 1),
    "a provider that asks for less": ("limit", 3),
}
"""What the model is asked to do, and how often the server is asked."""


@pytest.mark.parametrize("case", FAILURES)
def test_the_client_tries_again_only_what_may_succeed(patient_client: anthropic.Anthropic, counted, case: str) -> None:
    name, tries = FAILURES[case]
    headers, count = counted()
    with pytest.raises(anthropic.APIStatusError):
        ask(patient_client, f"fail {name}", extra_headers=headers)
    assert count(tries) == tries


@pytest.mark.parametrize("status", [400, 401, 404])
def test_what_is_refused_for_good_is_asked_for_once(url: str, key: str, counted, status: int) -> None:
    headers, count = counted()
    given = "sk-wrong" if status == 401 else key
    with (
        anthropic.Anthropic(base_url=url, api_key=given) as client,
        pytest.raises(anthropic.APIStatusError) as caught,
    ):
        ask(
            client,
            model="none" if status == 404 else "helper",
            extra_body={"temperature": "hot" if status == 400 else 1},
            extra_headers=headers,
        )
    assert caught.value.status_code == status
    assert count(1) == 1


def test_a_session_that_waits_for_a_person_is_a_conflict_and_not_tried_again(
    patient_client: anthropic.Anthropic, counted, server
) -> None:
    session = server.post("/sessions", {"agent_id": "clerk"})["session_id"]
    in_session = {"X-AgentOS-Session-Id": session}
    ask(patient_client, 'call refund {"amount": 5}', model="clerk", extra_headers=in_session)
    headers, count = counted()
    with pytest.raises(anthropic.ConflictError):
        ask(patient_client, model="clerk", extra_headers={**headers, **in_session})
    assert count(1) == 1


def test_a_request_that_took_too_long_gets_its_own_run_when_it_is_sent_again(url: str, key: str, server) -> None:
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    text = f"slow 40 {uuid.uuid4().hex}"
    with anthropic.Anthropic(base_url=url, api_key=key, max_retries=8, timeout=1) as client:
        said = text_of(ask(client, text, extra_headers=headers))
    assert said == "".join(f"word{number} " for number in range(40))
    newest = server.get("/runs?limit=20")["runs"]
    assert [run["input"] for run in newest].count(text) == 1


def test_a_request_that_took_too_long_and_is_not_sent_again_is_a_timeout(url: str, key: str) -> None:
    with (
        anthropic.Anthropic(base_url=url, api_key=key, max_retries=0, timeout=0.5) as client,
        pytest.raises(anthropic.APITimeoutError),
    ):
        ask(client, "slow 40")


def test_a_limit_of_the_server_is_a_rate_limit_and_begins_later(
    other_client: anthropic.Anthropic, url: str, other_key: str, counted
) -> None:
    """The server of this suite lets a tenant have 60 runs under way."""
    from server_api import ServerAPI

    with (
        ServerAPI(url, other_key) as api,
        anthropic.Anthropic(base_url=url, api_key=other_key, max_retries=4) as patient,
    ):
        begin = {"input": "slow 400", "background": True}
        running = [api.post("/agents/helper/run", begin)["run_id"] for _ in range(60)]
        try:
            with pytest.raises(anthropic.RateLimitError) as caught:
                ask(other_client)
        finally:
            for id in running:
                api.post(f"/runs/{id}/cancel")
        assert caught.value.type == "rate_limit_error"
        assert caught.value.response.headers["retry-after"]
        assert caught.value.response.headers["x-should-retry"] == "true"
        assert text_of(ask(patient)) == "0 before: Hi"


def test_the_client_for_coroutines_tries_again_too(url: str, key: str, counted) -> None:
    headers, count = counted()

    async def asked() -> None:
        async with anthropic.AsyncAnthropic(base_url=url, api_key=key) as client:
            with pytest.raises(anthropic.APIStatusError):
                await client.messages.create(**request("fail limit", extra_headers=headers))

    asyncio.run(asked())
    assert count(3) == 3
