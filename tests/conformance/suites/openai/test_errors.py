"""Errors are the client's typed exceptions, and it tries again only what may succeed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import openai
import pytest

USER: dict[str, Any] = {"role": "user", "content": "Hi"}


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


def test_a_failure_in_a_stream_is_raised_by_the_client(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIError, match="broken"):
        list(_chat(client, "fail bug", stream=True))
    events = list(client.responses.create(model="helper", input="fail bug", stream=True))
    assert events[-1].type == "response.failed"
    assert events[-1].response.error.message


def test_a_chain_of_a_response_under_way_is_a_conflict(client: openai.OpenAI) -> None:
    made = client.responses.create(model="helper", input="slow 400", background=True)
    with pytest.raises(openai.ConflictError) as caught:
        client.responses.create(model="helper", input="Hi", previous_response_id=made.id)
    assert caught.value.code == "run_active"
    client.responses.cancel(made.id)
