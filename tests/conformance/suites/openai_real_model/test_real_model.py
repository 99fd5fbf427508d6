"""A real language model, by OpenAI's client: nothing is scripted."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest
from pydantic import BaseModel

pytestmark = pytest.mark.timeout(150)


@pytest.fixture
def client(base_url: str, key: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=base_url, api_key=key, max_retries=0, timeout=120, _strict_response_validation=True
    ) as client:
        yield client


def test_a_chat_streams_token_by_token(client: openai.OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model="assistant",
            messages=[{"role": "user", "content": "Count from one to five."}],
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    *said, last = chunks
    texts = [chunk.choices[0].delta.content for chunk in said if chunk.choices[0].delta.content]
    assert len(texts) > 3
    assert said[-1].choices[0].finish_reason in ("stop", "length")
    assert last.usage is not None
    assert last.usage.prompt_tokens > 0
    assert last.usage.completion_tokens > 3


def test_a_response_is_streamed_and_found_again(client: openai.OpenAI) -> None:
    with client.responses.stream(model="assistant", input="Say hello.") as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert "".join(deltas) == final.output_text != ""
    assert client.responses.retrieve(final.id).output_text == final.output_text


class Answer(BaseModel):
    is_a_number: bool


def test_an_answer_has_the_form_of_a_schema(client: openai.OpenAI) -> None:
    parsed = client.responses.parse(model="assistant", input="Is seven a number?", text_format=Answer)
    assert isinstance(parsed.output_parsed, Answer)
