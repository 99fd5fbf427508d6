"""The requests of LibreChat for a custom endpoint: LangChain's, with titles and with headers of `librechat.yaml`."""

from __future__ import annotations

import uuid
from typing import Any

import httpx2
import openai
import pytest
from streams import History

PERSON = "66f0c0ffee0123456789abcd"
TITLE = "Provide a concise, 5-word-or-less title for the conversation. Only return the title itself.\n\nConversation:\n"


@pytest.fixture
def client(base_url: str, key: str) -> Any:
    # `headers` of the endpoint: X-LibreChat-Conversation-Id: "{{LIBRECHAT_BODY_CONVERSATIONID}}"
    headers = {"X-LibreChat-Conversation-Id": str(uuid.uuid4())}
    with openai.OpenAI(base_url=base_url, api_key=key, max_retries=0, default_headers=headers) as client:
        yield client


def test_the_models_are_fetched(client: openai.OpenAI) -> None:
    assert "helper" in [model.id for model in client.models.list()]


def test_a_conversation_is_one_session_beside_its_title(
    client: openai.OpenAI, http: httpx2.Client, url: str, history: History
) -> None:
    create = client.chat.completions.with_raw_response.create
    asked: dict[str, Any] = {
        "model": "helper",
        "user": PERSON,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    messages: list[Any] = []
    sessions = []
    for text in ("Hello", "What did I say?"):
        messages.append({"role": "user", "content": text})
        answer = create(messages=messages, **asked)
        sessions.append(answer.headers["X-AgentOS-Session-Id"])
        said = "".join(chunk.choices[0].delta.content or "" for chunk in answer.parse() if chunk.choices)
        messages.append({"role": "assistant", "content": said})
        told = f"User: {text}\nAI: {said}"
        title = create(model="helper", user=PERSON, messages=[{"role": "user", "content": TITLE + told}])
        assert "X-AgentOS-Session-Id" not in title.headers
    assert len(set(sessions)) == 1
    assert history(sessions[0]) == ["Hello", "You said: Hello", "What did I say?", "Hello"]
    runs = http.get(f"{url}/api/v1/runs", params={"session_id": sessions[0]}).json()["runs"]
    assert [run["user_id"] for run in runs] == [PERSON] * 2


def test_a_title_that_comes_before_the_first_message_costs_the_session_and_nothing_else(client: openai.OpenAI) -> None:
    create = client.chat.completions.with_raw_response.create
    create(model="helper", messages=[{"role": "user", "content": f"{TITLE}User: One"}])
    messages: list[Any] = []
    for text, answer in (("One", "You said: One"), ("What did I say?", "One")):
        messages.append({"role": "user", "content": text})
        response = create(model="helper", messages=messages)
        assert "X-AgentOS-Session-Id" not in response.headers
        said = response.parse().choices[0].message.content
        assert said == answer
        messages.append({"role": "assistant", "content": said})


def test_a_title_by_a_structured_answer_has_its_form(client: openai.OpenAI) -> None:
    # `titleMethod: structured`: a function that has to be called.
    tool: Any = {
        "type": "function",
        "function": {
            "name": "extract",
            "description": "A title",
            "parameters": {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]},
        },
    }
    choice: Any = {"type": "function", "function": {"name": "extract"}}
    messages: list[Any] = [{"role": "user", "content": "Analyze this conversation about the weather"}]
    answer = client.chat.completions.create(model="helper", messages=messages, tools=[tool], tool_choice=choice)
    (called,) = answer.choices[0].message.tool_calls or ()
    assert (called.function.name, called.function.arguments) == ("extract", '{"title":"Oslo"}')
