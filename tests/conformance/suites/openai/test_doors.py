"""One run, every door: what begins at one API is followed, found and ended at the other."""

from __future__ import annotations

import json

import openai
import pytest
from server_api import ServerAPI
from waiting import wait_for


def test_a_run_of_the_servers_own_api_is_a_response(client: openai.OpenAI, server) -> None:
    run = server.post("/agents/helper/run", {"input": "Hi"})
    id = f"resp_{run['run_id']}"
    found = client.responses.retrieve(id)
    assert (found.status, found.output_text) == ("completed", run["content"])
    events = list(client.responses.retrieve(id, stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[-1].response.output_text == run["content"]


def test_a_background_run_of_the_servers_own_api_is_streamed_and_cancelled(client: openai.OpenAI, server) -> None:
    run = server.post("/agents/helper/run", {"input": "slow 400", "background": True})
    id = f"resp_{run['run_id']}"
    stream = client.responses.retrieve(id, stream=True)
    for event in stream:
        if event.type == "response.output_text.delta":
            client.responses.cancel(id)
            break
    last = list(stream)[-1]
    assert (last.type, last.response.status) == ("response.failed", "cancelled")
    assert server.run(id)["status"] == "cancelled"


@pytest.mark.parametrize("door", ["chat", "responses"])
def test_a_run_begun_here_is_followed_at_the_servers_own_api(client: openai.OpenAI, server, door: str) -> None:
    if door == "chat":
        answer = client.chat.completions.create(model="helper", messages=[{"role": "user", "content": "Hi"}])
        id, text = answer.id, answer.choices[0].message.content
    else:
        made = client.responses.create(model="helper", input="Hi")
        id, text = made.id, made.output_text
    run = server.run(id)
    assert (run["status"], run["content"]) == ("completed", text)
    events = server.events(run["run_id"])
    assert "event: complete" in events
    data = [json.loads(line[6:]) for line in events.splitlines() if line.startswith("data: ")]
    assert "".join(event["data"]["token"] for event in data if event["type"] == "token") == text


def test_a_completion_is_a_response_too(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="helper", messages=[{"role": "user", "content": "Hi"}])
    found = client.responses.retrieve(answer.id.replace("chatcmpl-", "resp_"))
    assert found.output_text == answer.choices[0].message.content


def test_a_response_is_in_the_history_of_its_session(client: openai.OpenAI, server) -> None:
    session = server.post("/sessions", {"agent_id": "helper"})["session_id"]
    server.post("/agents/helper/run", {"input": "one", "session_id": session})
    made = client.responses.create(model="helper", input="two", conversation=f"conv_{session}")
    assert made.output_text == "2 before: two"
    history = server.get(f"/sessions/{session}/history")["messages"]
    assert [message["content"] for message in history] == ["one", "0 before: one", "two", "2 before: two"]


def test_a_run_that_waits_for_a_person_is_answered_at_the_servers_own_api(
    client: openai.OpenAI, url: str, approving_key: str
) -> None:
    # The reason is not one of those that the client's types name, so the strict client would refuse it.
    with openai.OpenAI(base_url=client.base_url, api_key=client.api_key, max_retries=0) as tolerant:
        made = tolerant.responses.create(model="clerk", input='call refund {"amount": 5}')
    assert made.status == "incomplete"
    assert made.incomplete_details is not None
    assert made.incomplete_details.reason == "requires_action"
    with ServerAPI(url, approving_key) as person:
        run = person.run(made.id)
        (pending,) = run["pending"]
        person.post(f"/runs/{run['run_id']}/resume", {"answers": [{"id": pending["id"], "decision": "approve"}]})
    final = wait_for(lambda: (found := client.responses.retrieve(made.id)).status == "completed" and found)
    assert final.output_text.endswith("Results: paid 5")
