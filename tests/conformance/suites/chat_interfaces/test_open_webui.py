"""The requests of Open WebUI, as version 0.12 sends them with ENABLE_FORWARD_USER_INFO_HEADERS."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from streams import History, chunks_of, text_of

PERSON = {
    "X-OpenWebUI-User-Name": "Ada%20L%C3%B6we",
    "X-OpenWebUI-User-Id": "7c5a2a0e-5d0b-4d4e-9d3a-0c4b7f6c1b11",
    "X-OpenWebUI-User-Email": "ada@example.com",
    "X-OpenWebUI-User-Role": "user",
    "X-OpenWebUI-Auth-Type": "jwt",
}

TASKS = ("Generate a concise title", "Generate 1-3 broad tags", "Predict 3-5 useful messages")


class Chat:
    """A chat of a person with an agent: its messages, as the interface has them."""

    def __init__(self, http: httpx2.Client, model: str = "helper", **headers: str) -> None:
        self._http = http
        self._model = model
        self._headers = {**PERSON, "X-OpenWebUI-Chat-Id": str(uuid.uuid4()), **headers}
        self.messages: list[dict[str, Any]] = []

    def post(self, messages: list[dict[str, Any]], *, stream: bool = True, **fields: Any) -> httpx2.Request:
        options = {"stream_options": {"include_usage": True}} if stream else {}
        body = {"stream": stream, "model": self._model, "messages": messages, **options, **fields}
        return self._http.build_request("POST", "chat/completions", json=body, headers=self._headers)

    def say(self, text: str, **fields: Any) -> httpx2.Response:
        """Send a message and keep the answer."""
        self.messages.append({"role": "user", "content": text})
        response = self._http.send(self.post(self.messages, **fields)).raise_for_status()
        self.messages.append({"role": "assistant", "content": text_of(response)})
        return response

    def ask_beside(self, task: str) -> httpx2.Response:
        """Send what the interface asks for itself: a title, tags, follow-ups."""
        told = "\n".join(f"{message['role'].upper()}: {message['content']}" for message in self.messages)
        prompt = f"### Task:\n{task}\n### Chat History:\n<chat_history>\n{told}\n</chat_history>"
        request = self.post([{"role": "user", "content": prompt}], stream=False, max_tokens=1000)
        return self._http.send(request).raise_for_status()

    def stop(self, text: str) -> str:
        """Send a message and press the stop button after its first words; return the run's id."""
        self.messages.append({"role": "user", "content": text})
        response = self._http.send(self.post(self.messages), stream=True)
        for chunk in chunks_of(response):
            if chunk["choices"] and (said := chunk["choices"][0]["delta"].get("content")):
                self.messages.append({"role": "assistant", "content": said})
                break
        response.close()
        return response.headers["X-Run-ID"]


def session_of(response: httpx2.Response) -> str | None:
    return response.headers.get("X-AgentOS-Session-Id")


def test_a_connection_is_verified_and_lists_the_agents_by_their_names(http: httpx2.Client) -> None:
    answer = http.get("models", headers={"Content-Type": "application/json", **PERSON})
    assert answer.status_code == 200
    assert {"helper": "Helper"}.items() <= {one["id"]: one.get("name") for one in answer.json()["data"]}.items()
    assert "error" not in answer.json()


def test_a_connection_with_a_wrong_key_says_what_is_wrong(base_url: str) -> None:
    answer = httpx2.get(f"{base_url}/models", headers={"Authorization": "Bearer wrong", **PERSON})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")


def test_a_chat_is_one_session_through_titles_tags_and_follow_ups(http: httpx2.Client, history: History) -> None:
    chat = Chat(http)
    session = session_of(chat.say("Hello"))
    assert session is not None
    for task in TASKS:
        answer = chat.ask_beside(task)
        assert session_of(answer) is None
        assert answer.json()["choices"][0]["message"]["content"].startswith('{"title": "Greeting"')
    assert session_of(chat.say("What did I say?")) == session
    assert history(session) == ["Hello", "You said: Hello", "What did I say?", "Hello"]


def test_a_stream_has_the_usage_that_the_interface_asks_for(http: httpx2.Client) -> None:
    request = Chat(http).post([{"role": "user", "content": "Hello"}])
    usages = [chunk["usage"] for chunk in chunks_of(http.send(request)) if chunk.get("usage")]
    assert [usage["total_tokens"] for usage in usages] == [15]


def test_thoughts_and_the_tools_of_an_agent_keep_a_chat_in_its_session(http: httpx2.Client) -> None:
    # The interface shows thoughts, and leaves them out when it sends the history again.
    for model, text in (("helper", "Think"), ("shop", "When are you open?")):
        chat = Chat(http, model)
        session = session_of(chat.say(text))
        assert session_of(chat.say("Hello")) == session


def test_an_edited_message_is_answered_and_the_session_keeps_what_was_said(
    http: httpx2.Client, history: History
) -> None:
    chat = Chat(http)
    session = session_of(chat.say("One"))
    chat.say("Two")
    assert session is not None
    before = history(session)
    chat.messages[-2:] = []
    edited = chat.say("What did I say?")
    assert (session_of(edited), chat.messages[-1]["content"]) == (None, "One")
    assert history(session) == before


def test_a_regenerated_answer_is_another_one_to_the_same_history(http: httpx2.Client, history: History) -> None:
    chat = Chat(http)
    session = session_of(chat.say("Hello"))
    chat.messages[:] = []
    assert session_of(chat.say("Hello")) is None
    assert session is not None
    assert len(history(session)) == 2


def test_a_stopped_answer_continues_on_the_server_and_the_chat_can_be_used(
    http: httpx2.Client, end_of_run: Callable[[str], str]
) -> None:
    chat = Chat(http)
    run_id = chat.stop("Count to 9 slowly")
    assert end_of_run(run_id) == "completed"
    chat.say("What did I say?")
    assert chat.messages[-1]["content"] == "Count to 9 slowly"


def test_a_stopped_answer_ends_the_run_where_the_connection_has_the_header(
    http: httpx2.Client, end_of_run: Callable[[str], str]
) -> None:
    chat = Chat(http, **{"X-AgentOS-On-Disconnect": "cancel"})
    run_id = chat.stop("Count to 99 slowly")
    assert end_of_run(run_id) == "cancelled"
    chat.say("What did I say?")
    assert chat.messages[-1]["content"] == "Count to 99 slowly"


def test_an_answer_cannot_be_continued(http: httpx2.Client) -> None:
    chat = Chat(http)
    chat.say("Hello")
    refused = http.send(chat.post(chat.messages))
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "messages")


def test_a_system_prompt_follows_the_agents_instructions(http: httpx2.Client) -> None:
    chat = Chat(http)
    chat.messages.append({"role": "system", "content": "Rhyme."})
    session = session_of(chat.say("What are your instructions?"))
    assert chat.messages[-1]["content"].split() == ["Be", "short.", "Rhyme."]
    assert session_of(chat.say("Hello")) == session


def test_the_parameters_of_the_controls_are_taken_or_named(http: httpx2.Client) -> None:
    chat = Chat(http)
    answer = chat.say("How warm are you?", temperature=0.25, frequency_penalty=0.5, min_p=0.1, seed=7)
    assert chat.messages[-1]["content"] == "0.25"
    assert set(answer.headers["X-Ignored-Fields"].split(", ")) == {"min_p", "frequency_penalty", "seed"}


def test_an_image_reaches_the_agent(http: httpx2.Client) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    content = [{"type": "text", "text": "What is this?"}, image]
    answer = http.send(Chat(http).post([{"role": "user", "content": content}]))
    assert text_of(answer) == "I see image image/png of 8 bytes"


def test_another_persons_key_has_another_session_for_the_same_id(
    http: httpx2.Client, other_key: str, history: History
) -> None:
    chat = Chat(http)
    session = session_of(chat.say("Hello"))
    request = chat.post([{"role": "user", "content": "Hello"}])
    request.headers["Authorization"] = f"Bearer {other_key}"
    other = session_of(http.send(request))
    assert None not in (session, other)
    assert other != session


@pytest.mark.parametrize("stream", [True, False])
def test_a_connection_of_the_type_responses_works(http: httpx2.Client, stream: bool) -> None:
    # Open WebUI turns messages into items, and the system's message into `instructions`.
    said = [{"type": "input_text", "text": "What did I say?"}]
    answered = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "ok"}]}
    body = {
        "stream": stream,
        "model": "helper",
        "instructions": "Rhyme.",
        "input": [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]},
            answered,
            {"type": "message", "role": "user", "content": said},
        ],
    }
    answer = http.post("responses", json=body, headers=PERSON).raise_for_status()
    if stream:
        assert '"type":"response.completed"' in answer.text
    else:
        (message,) = answer.json()["output"]
        assert message["content"][0]["text"] == "Hello"
