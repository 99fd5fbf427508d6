"""What goes wrong is one of LiteLLM's exceptions."""

from typing import Any

import litellm
import pytest

HELLO = [{"role": "user", "content": "Hello"}]
TOOL = {"type": "function", "function": {"name": "wait", "parameters": {"type": "object", "properties": {}}}}


def fails(*, messages: Any = HELLO, **given: Any) -> Exception:
    with pytest.raises(Exception) as caught:
        litellm.completion(messages=messages, **given)
    return caught.value


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"model": "anthropic/nothing"}, litellm.NotFoundError),
        ({"api_key": "wrong"}, litellm.AuthenticationError),
        ({"messages": [{"role": "user", "content": "fail bug"}]}, litellm.InternalServerError),
        ({"messages": [{"role": "user", "content": "fail length"}]}, litellm.ContextWindowExceededError),
        ({"model": "anthropic/closed", "tools": [TOOL]}, litellm.BadRequestError),
        ({"messages": [{"role": "user", "content": "fail away"}]}, litellm.InternalServerError),
    ],
)
def test_an_error_has_its_exception(given: dict[str, Any], changes: dict[str, Any], expected: type) -> None:
    assert type(fails(**{**given, **changes})) is expected


def test_a_key_that_may_not_run_agents(given: dict[str, Any], reading_key: str) -> None:
    assert fails(**{**given, "api_key": reading_key}).status_code == 403


def test_a_streamed_run_that_fails(given: dict[str, Any]) -> None:
    with pytest.raises(litellm.exceptions.MidStreamFallbackError, match="the agent is broken"):
        list(litellm.completion(messages=[{"role": "user", "content": "fail bug"}], stream=True, **given))
