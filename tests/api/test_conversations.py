"""Conversations that clients keep themselves, as a plugin's endpoint hands them to ``server.runs.start``."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentos import Media, Message, ModelOverrides, RunRequest, ToolCall
from agentos.domain.principal import ANONYMOUS_PRINCIPAL, Principal
from agentos.domain.run import Run
from agentos.errors import InvalidMedia, InvalidRequest, RunNotFound
from agentos.models.scripted import AtMost, call
from agentos.storage.paging import Paging
from agentos.storage.runs import RunFilter

USER, ASSISTANT = Message("user", "What is 1 + 2?"), Message("assistant", "3")
CALLING = Message("assistant", "", tool_calls=(ToolCall("c1", "add", '{"a": 1, "b": 2}'),))
RESULT = Message("tool", "3", tool_call_id="c1")
PICTURE = Media("image", data="aGVsbG8=", content_type="image/png")


def request(*messages: Message, **fields: Any) -> RunRequest:
    return RunRequest(**{"caller": ANONYMOUS_PRINCIPAL, "agent_id": "scripted", "messages": messages, **fields})


def run(served: Any, *messages: Message, **fields: Any) -> Run:
    """Run the agent to its end."""
    ended = served.services.runs.start(request(*messages, **fields)).wait(10)
    assert ended is not None
    return ended


def refusal(served: Any, *messages: Message, **fields: Any) -> str:
    """Return why a run is refused; nothing of it is left."""
    with pytest.raises((InvalidRequest, InvalidMedia)) as refused:
        served.services.runs.start(request(*messages, **fields))
    assert not served.services.runs.list(RunFilter(), Paging(), ANONYMOUS_PRINCIPAL).items
    assert not served.provider.requests
    return refused.value.message


def asked(served: Any) -> list[Message]:
    """Return the messages of the model's last call."""
    return list(served.provider.requests[-1].messages)


def test_the_model_is_given_the_conversation_and_then_the_input(serve: Any) -> None:
    served = serve(agent={"instructions": "Be kind."})
    ended = run(served, USER, CALLING, RESULT, ASSISTANT, input="And 3 + 4?")
    assert (ended.status, ended.content, ended.input) == ("completed", "Hello there", "And 3 + 4?")
    assert asked(served) == [
        Message("system", "Be kind."),
        *(USER, CALLING, RESULT, ASSISTANT),
        Message("user", "And 3 + 4?"),
    ]


def test_the_last_message_of_the_user_is_the_input(serve: Any) -> None:
    served = serve()
    ended = run(served, USER, ASSISTANT, Message("user", "Look", media=(PICTURE,)))
    assert (ended.input, [media.data for media in ended.media]) == ("Look", ["aGVsbG8="])
    assert [message.content for message in asked(served)] == ["What is 1 + 2?", "3", "Look"]


def test_a_conversation_may_end_with_the_results_of_tools(serve: Any) -> None:
    served = serve("It is 3.")
    ended = run(served, USER, CALLING, RESULT)
    assert (ended.input, ended.content) == ("", "It is 3.")
    assert asked(served) == [USER, CALLING, RESULT]


def test_what_is_asked_last_stays_when_the_conversation_is_too_long_for_the_model(serve: Any) -> None:
    served = serve([AtMost(20), "It is 3."])
    old = [Message("user", "x" * 30), Message("assistant", "y" * 30)]
    assert run(served, *old, USER, CALLING, RESULT).content == "It is 3."
    assert asked(served) == [USER, CALLING, RESULT]


def test_what_is_asked_last_is_never_left_out(serve: Any) -> None:
    served = serve([AtMost(5), "Hm."])
    ended = run(served, Message("user", "x" * 30), Message("assistant", "y"), USER, CALLING, RESULT)
    assert ended.error is not None
    assert ended.error.details["cause"] == "CONTEXT_TOO_LONG"
    assert [list(request.messages)[-3:] for request in served.provider.requests] == [[USER, CALLING, RESULT]] * 2


def test_a_conversation_that_is_too_large_is_refused_before_the_agent_is_looked_for(serve: Any) -> None:
    large = [Message("user", "x" * 1024**2)] * 9
    assert "AGENTOS_HISTORY_BYTES" in refusal(serve(), *large, input="Hi", agent_id="missing")


def test_a_conversation_takes_the_place_of_the_sessions_history_and_is_not_saved_in_it(serve: Any) -> None:
    served = serve("one", "two", "three")
    session_id = served.new_session()
    served.run("first", session_id)
    run(served, USER, CALLING, RESULT, ASSISTANT, input="second", session_id=session_id)
    assert [message.content for message in asked(served)] == ["What is 1 + 2?", "", "3", "3", "second"]
    served.run("third", session_id)
    assert [message.content for message in asked(served)] == ["first", "one", "second", "two", "third"]
    shown = served.client.get(f"/api/v1/sessions/{session_id}/history").json["messages"]
    assert [one["content"] for one in shown] == ["first", "one", "second", "two", "third", "three"]


def test_a_run_with_a_conversation_calls_tools_as_any_other(serve: Any) -> None:
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    served = serve([call("add", '{"a": 3, "b": 4}', id="c2")], "7", tools=[add])
    assert run(served, USER, CALLING, RESULT, ASSISTANT, input="And 3 + 4?").content == "7"
    assert [message.content for message in asked(served)][-3:] == ["And 3 + 4?", "", "7"]


def test_attachments_of_messages_reach_the_model(serve: Any) -> None:
    served = serve()
    run(served, Message("user", "Look", media=(PICTURE,)), ASSISTANT, input="What was it?")
    (media,) = asked(served)[0].media
    assert (media.data, media.content_type) == ("aGVsbG8=", "image/png")


def test_attachments_of_messages_are_deleted_with_the_run(serve: Any) -> None:
    served = serve()
    run_id = run(served, Message("user", "Look", media=(PICTURE,)), input="What is it?").id
    assert len(served.services.storage.rows.attachments) == 1
    assert served.client.delete(f"/api/v1/runs/{run_id}").status_code == 200
    assert not served.services.storage.rows.attachments


def calling(*ids: str) -> Message:
    return Message("assistant", "", tool_calls=tuple(ToolCall(id, "add", "{}") for id in ids))


@pytest.mark.parametrize(
    ("messages", "named"),
    [
        ([Message("system", "Obey."), USER], "'messages[0]' is of role 'system'; give it as the override"),
        ([Message("developer", "x"), USER], "'messages[0]' is of role 'developer'; accepted are user, assistant, tool"),  # type: ignore[arg-type]
        ([USER, RESULT], "'messages[1]' answers the call 'c1', which is not open before it"),
        ([USER, CALLING, RESULT, RESULT], "'messages[3]' answers the call 'c1'"),
        ([USER, CALLING, ASSISTANT, USER], "'messages[2]' comes before the result of the call 'c1'"),
        ([USER, CALLING], "'messages' end before the result of the call 'c1'"),
        ([USER, calling("c1", "c1"), RESULT], "'messages[1]' has two tool calls with one id"),
        ([replace(CALLING, role="user"), RESULT], "'messages[0]' is of role 'user' and has tool calls"),
        ([USER, calling("é"), replace(RESULT, tool_call_id="é")], "'messages[1].tool_calls[0]' has id 'é'"),
        ([USER, ASSISTANT], "'messages' end with an assistant's message"),
        ([Message("user", "a\0b"), ASSISTANT, USER], "'messages[0].content' holds U+0000"),
        ([Message("user", "\ud800"), ASSISTANT, USER], "'messages[0].content' holds U+0000 or half of a surrogate"),
        ([USER, ASSISTANT] * 1024 + [USER, ASSISTANT, USER], "'messages' are 2050; accepted are at most 2048"),
        ([Message("user", "x" * (1024**2 + 1)), ASSISTANT, USER], "'messages[0].content' has 1048577 bytes"),
        ([Message("user", "x" * 1024**2)] * 9 + [USER], "AGENTOS_HISTORY_BYTES"),
    ],
)
def test_a_conversation_that_no_model_takes_is_refused(serve: Any, messages: list[Message], named: str) -> None:
    assert named in refusal(serve(), *messages)


def test_results_of_tools_alone_have_no_place_in_a_session(serve: Any) -> None:
    served = serve()
    said = refusal(served, USER, CALLING, RESULT, session_id=served.new_session())
    assert "end with a tool's result, which a session has no place for" in said


@pytest.mark.parametrize(
    ("message", "named"),
    [
        (Message("assistant", "x", media=(PICTURE,)), "messages[0] is of role 'assistant'; only a user's message"),
        (Message("user", "", media=(replace(PICTURE, data="?"),)), "messages[0]: media[0].data is not base64"),
        (Message("user", "", media=(Media("image", url="http://127.0.0.1/a.png"),)), "messages[0]: media[0].url"),
        (Message("user", "", media=(Media("video", data="aGk=", content_type="video/mp4"),)), "messages[0]: media[0]"),
        (Message("user", "", media=(replace(PICTURE, metadata={"a": "x" * 70000}),)), "AGENTOS_MAX_METADATA_SIZE"),
        (Message("user", "", media=(PICTURE,) * 32), "33 attachments of the messages and the input are too many"),
    ],
)
def test_an_attachment_of_a_message_is_refused_as_one_of_the_input_is(serve: Any, message: Message, named: str) -> None:
    assert named in refusal(serve(), message, input="Look", media=(PICTURE,))


def test_the_attachments_of_a_conversation_count_in_its_size(serve: Any) -> None:
    large = replace(PICTURE, data="A" * 4 * 256 * 1024)
    served = serve(history_bytes=1024**2)
    assert "AGENTOS_HISTORY_BYTES" in refusal(
        served, Message("user", "x" * 768 * 1024), Message("user", "", media=(large,)), input="Look"
    )


def test_a_reference_to_a_stored_attachment_cannot_be_given(serve: Any) -> None:
    served = serve()
    digest = "sha256:" + "0" * 64
    stored = Message("user", "Look", media=(Media("image", reference=digest),))
    assert "needs exactly one of 'url' and 'data'" in refusal(served, stored, input="Hi")


def test_a_mode_that_does_not_exist_is_refused() -> None:
    with pytest.raises(
        InvalidRequest, match="mode of the request is 'fast'; accepted are inline, streamed, background"
    ):
        request(mode="fast")
    with pytest.raises(InvalidRequest, match="concurrency of the request is 'wait'; accepted are enqueue"):
        request(concurrency="wait")


def test_overrides_and_a_conversation_go_together(serve: Any) -> None:
    served = serve(agent={"allow_overrides": ["instructions", "seed"]})
    overrides = ModelOverrides(parameters={"seed": 7}, instructions="Be brief.")
    run(served, USER, ASSISTANT, USER, overrides=overrides, mode="background")
    assert [message.role for message in asked(served)] == ["system", "user", "assistant", "user"]
    assert served.provider.requests[-1].parameters == {"seed": 7}


@pytest.mark.parametrize("database_url", ["memory://", "sqlite"])
def test_what_a_run_was_asked_is_read_again_with_the_bytes(serve: Any, database_url: str, tmp_path: Path) -> None:
    served = serve(database_url=f"sqlite:///{tmp_path}/a.db" if database_url == "sqlite" else database_url)
    look = Message("user", "Look", media=(PICTURE,))
    ended = run(served, look, ASSISTANT, CALLING, RESULT, ASSISTANT, look)
    found = served.services.runs.open(ended.id, ANONYMOUS_PRINCIPAL).messages()
    assert [(message.role, message.content, message.tool_calls) for message in found] == [
        (message.role, message.content, message.tool_calls)
        for message in (look, ASSISTANT, CALLING, RESULT, ASSISTANT, look)
    ]
    assert [[one.data for one in message.media] for message in (found[0], found[-1])] == [[PICTURE.data]] * 2


def test_what_a_run_of_another_owner_was_asked_is_not_there(serve: Any) -> None:
    served = serve()
    ended = run(served, USER)
    with pytest.raises(RunNotFound):
        served.services.runs.open(ended.id, Principal(id="key:bob", owner="bob")).messages()
