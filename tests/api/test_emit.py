"""What agents and tools write into their run besides the answer: custom events, and changes of the session's state."""

import threading
import time
from typing import Any

import pytest

from agentos import RunContext, ToolContext
from agentos.models.scripted import Fail, Pause, call
from agentos.testing.sse import SSEReader, read_events
from agentos.tools.tool import tool
from api.conftest import Served
from api.test_streams import data_of, events_of
from parts.waiting import until

AGENT = "/api/v1/agents/own/run"


class Own:
    """An agent that does what a function says."""

    def __init__(self, stream):
        self.stream = stream


def served_own(serve, stream, **settings: Any) -> Served:
    return serve(agents={"own": Own(stream)}, **settings)


def ask(served: Served, session: str | None = None, *, stream: bool = False, **fields: Any):
    body = {"input": "Hi", **({} if session is None else {"session_id": session}), **fields}
    return served.client.post(f"{AGENT}/stream" if stream else AGENT, json=body)


def session_of(served: Served, session: str):
    return served.client.get(f"/api/v1/sessions/{session}")


def test_an_agent_emits_events_in_their_place_among_the_tokens(serve) -> None:
    def stream(context: RunContext):
        context.emit("progress", {"done": 0, "of": 2})
        yield "Hel"
        context.emit("progress", {"done": 1, "of": 2})
        yield ["l", "o"]
        context.emit("nothing")

    events = events_of(ask(served_own(serve, stream), stream=True))
    assert [event.type for event in events] == [
        *("run_start", "custom", "token", "custom", "token", "token", "custom", "complete")
    ]
    assert [event.id for event in events] == [str(number) for number in range(1, 9)]
    assert data_of(events, "custom") == [
        {"name": "progress", "data": {"done": 0, "of": 2}},
        {"name": "progress", "data": {"done": 1, "of": 2}},
        {"name": "nothing", "data": None},
    ]
    assert data_of(events, "complete")[0]["output"] == "Hello"


def test_a_tool_emits_events_from_its_own_thread_while_it_works(serve) -> None:
    go_on = threading.Event()

    @tool
    def slow(context: ToolContext) -> str:
        """Work."""
        context.emit("half", 0.5)
        assert go_on.wait(10)
        context.emit("all", 1)
        return "done"

    served = serve([call("slow", id="c1")], "ok", tools=[slow])
    response = served.stream("Hi")
    reader, types = SSEReader(), []
    for piece in response.iter_encoded():
        for event in reader.feed(piece):
            types.append(event.type if event.type != "custom" else event.json()["data"]["name"])
        if types[-1] == "half":
            go_on.set()
    assert types == ["run_start", "tool_call", "half", "all", "tool_call", "token", "complete"]


def test_events_of_many_threads_get_numbers_without_a_gap(serve) -> None:
    def stream(context: RunContext):
        def work(number: int) -> None:
            for step in range(50):
                context.emit("step", [number, step])

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for number in range(100):
            yield f"{number} "
        for thread in threads:
            thread.join()

    events = events_of(ask(served_own(serve, stream), stream=True))
    assert [event.id for event in events] == [str(number) for number in range(1, 503)]
    steps = [tuple(data["data"]) for data in data_of(events, "custom")]
    assert sorted(steps) == [(number, step) for number in range(8) for step in range(50)]
    assert all([s for n, s in steps if n == number] == list(range(50)) for number in range(8))


def test_the_log_replays_them_and_types_knows_them(serve) -> None:
    def stream(context: RunContext):
        context.emit("a", 1)
        context.set_state([{"op": "add", "path": "/x", "value": 1}])
        yield "Hello"

    served = served_own(serve, stream)
    run_id = ask(served, served.new_session()).json["run_id"]
    for query, types in (
        ("", ["run_start", "custom", "state", "token", "complete"]),
        ("?types=custom", ["custom", "complete"]),
        ("?types=state,custom&after=2", ["state", "complete"]),
    ):
        replay = served.client.get(f"/api/v1/runs/{run_id}/events{query}")
        assert [event.type for event in events_of(replay)] == types


BAD = [
    (lambda context: context.emit("two words", 1), "name of a custom event is 'two words'"),
    (lambda context: context.emit("", 1), "accepted are 1 to 64 letters, digits and . _ : -, with a letter first"),
    (lambda context: context.emit("a" * 65, 1), "accepted are 1 to 64 letters"),
    (lambda context: context.emit("a\n", 1), "accepted are 1 to 64 letters"),
    (lambda context: context.emit(7, 1), "name of a custom event is 7"),
    (lambda context: context.emit("a", object()), "is no JSON: Object of type object"),
    (lambda context: context.emit("a", b"x"), "is no JSON"),
    (lambda context: context.emit("a", float("nan")), "is no JSON"),
    (lambda context: context.emit("a", 2**64), "an integer beyond 64 bits"),
    (lambda context: context.emit("a", "\ud800"), "U+0000 or half a surrogate pair"),
    (lambda context: context.emit("a", {"k": "\0"}), "U+0000"),
    (lambda context: context.emit("a", {1: 1, "1": 2}), "two keys that are the same"),
    (lambda context: context.emit("a", "x" * 70_000), "has 70002 bytes of JSON; accepted are at most 65536"),
    (lambda context: context.emit("a", eval("[" * 65 + "]" * 65)), "more than 64 levels deep"),
    (lambda context: context.set_state("x"), "the patch is a text; accepted is an array of 1 to 100 operations"),
    (lambda context: context.set_state([{"op": "spam", "path": ""}]), "accepted are add, remove, replace"),
    (lambda context: context.set_state([{"op": "remove", "path": "/none"}]), "found no 'none'"),
    (lambda context: context.set_state([{"op": "add", "path": "/x", "value": "x" * 2000}]), "at most 1024 as JSON"),
]


@pytest.mark.parametrize("number", range(len(BAD)))
def test_what_is_not_accepted_raises_in_the_agent_and_says_what_is(serve, number: int) -> None:
    wrong, words = BAD[number]

    def stream(context: RunContext):
        yield "a"
        wrong(context)

    served = served_own(serve, stream, max_metadata_size=1024)
    run_id = (answer := ask(served, served.new_session())).json["details"]["run_id"]
    assert (answer.status_code, answer.json["details"]["cause"]) == (500, "AGENT_FAILED")
    assert words in answer.json["message"]
    assert "event: custom" not in served.client.get(f"/api/v1/runs/{run_id}/events").text


@pytest.mark.parametrize("number", [0, 5, -2])
def test_what_is_not_accepted_is_a_failed_call_that_the_model_reads(serve, number: int) -> None:
    wrong, words = BAD[number]

    @tool
    def emit(context: ToolContext) -> str:
        """Emit."""
        wrong(context)
        return "unreached"

    served = serve([call("emit")], "ok", tools=[emit])
    assert served.run("Hi", served.new_session()).json["content"] == "ok"
    assert words in served.provider.requests[1].messages[-1].content


def test_what_is_emitted_is_a_copy(serve) -> None:
    def stream(context: RunContext):
        data = [1]
        context.emit("a", data)
        patch = [{"op": "add", "path": "/list", "value": data}]
        context.set_state(patch)
        data.append(2)
        patch.append({"op": "nonsense"})
        context.state["list"].append(3)
        yield str(context.state)

    served = served_own(serve, stream)
    session = served.new_session()
    events = events_of(ask(served, session, stream=True))
    assert data_of(events, "custom")[0]["data"] == [1]
    assert data_of(events, "complete")[0]["output"] == "{'list': [1]}"
    assert session_of(served, session).json["state"] == {"list": [1]}


def test_a_run_may_write_only_so_much(serve) -> None:
    def stream(context: RunContext):
        for _ in range(100):
            context.emit("a", "x" * 1000)
        yield "unreached"

    answer = ask(served_own(serve, stream, max_output_size=10_000))
    assert answer.status_code == 500
    assert "more than 10000 bytes (AGENTOS_MAX_OUTPUT_SIZE)" in answer.json["message"]


def test_a_call_that_was_given_up_can_write_no_more(serve) -> None:
    raised: list[str] = []

    @tool(timeout=0.1)
    def late(context: ToolContext) -> str:
        """Come late."""
        time.sleep(0.4)
        try:
            context.emit("late", 1)
        except Exception as error:
            raised.append(str(error))
        return ""

    served = serve([call("late")], [Pause(0.8), "ok"], tools=[late])
    assert "event: custom" not in served.stream("Hi").text
    assert "did not return in time" in raised[0]


def test_after_the_end_of_its_run_nothing_is_written(serve) -> None:
    kept: list[RunContext] = []

    def stream(context: RunContext):
        kept.append(context)
        yield "a"

    served = served_own(serve, stream)
    session = served.new_session()
    run_id = ask(served, session).json["run_id"]
    kept[0].emit("late", 1)
    kept[0].set_state([{"op": "add", "path": "/late", "value": 1}])
    assert "late" not in served.client.get(f"/api/v1/runs/{run_id}/events").text
    assert session_of(served, session).json["state"] == {}


# --- the session's state ---------------------------------------------------------------------------------------------


def counting(context: RunContext):
    """Count the runs of the session."""
    context.set_state([{"op": "add", "path": "/count", "value": context.state.get("count", 0) + 1}])
    yield f"{context.state['count']}"


def test_a_run_changes_the_state_of_its_session_and_the_next_run_sees_it(serve) -> None:
    served = served_own(serve, counting)
    session = served.new_session(state={"kept": [1.5, None]})
    assert [ask(served, session).json["content"] for _ in range(3)] == ["1", "2", "3"]
    assert session_of(served, session).json["state"] == {"kept": [1.5, None], "count": 3}


def test_followers_see_the_change_and_the_session_has_it_from_the_end_on(serve) -> None:
    seen: list[Any] = []

    def stream(context: RunContext):
        context.set_state([{"op": "add", "path": "/x", "value": 1}])
        seen.append(session_of(served, session).json["state"])
        yield "Hello"

    served = served_own(serve, stream)
    session = served.new_session()
    events = events_of(ask(served, session, stream=True))
    assert data_of(events, "state") == [{"delta": [{"op": "add", "path": "/x", "value": 1}]}]
    assert seen == [{}]
    assert session_of(served, session).json["state"] == {"x": 1}


def test_a_change_counts_as_one_for_clients_that_hold_an_etag(serve) -> None:
    served = served_own(serve, counting)
    session = served.new_session()
    before = session_of(served, session).headers["ETag"]
    ask(served, session)
    put = {"json": {"state": {}}, "headers": {"If-Match": before}}
    refused = served.client.put(f"/api/v1/sessions/{session}", **put)
    assert refused.status_code == 412
    assert session_of(served, session).json["state"] == {"count": 1}
    put["headers"] = {"If-Match": session_of(served, session).headers["ETag"]}
    assert served.client.put(f"/api/v1/sessions/{session}", **put).status_code == 200


def test_a_run_that_changes_nothing_spoils_no_etag(serve) -> None:
    def stream(context: RunContext):
        yield str(context.state)

    served = served_own(serve, stream)
    session = served.new_session(state={"a": 1})
    before = session_of(served, session).headers["ETag"]
    assert ask(served, session).json["content"] == "{'a': 1}"
    put = served.client.put(f"/api/v1/sessions/{session}", json={"name": "n"}, headers={"If-Match": before})
    assert put.status_code == 200


def test_a_failed_run_saves_no_state(serve) -> None:
    def stream(context: RunContext):
        yield from counting(context)
        raise RuntimeError

    served = served_own(serve, stream)
    session = served.new_session()
    assert ask(served, session).status_code == 500
    assert session_of(served, session).json["state"] == {}


@pytest.mark.parametrize("concurrency", [None, "interrupt", "rollback"])
def test_a_cancelled_run_saves_no_state(serve, concurrency: str | None) -> None:
    def stream(context: RunContext):
        if context.input != "Hi":
            yield "new"
            return
        yield from counting(context)
        changed.append(context.run_id)
        context.cancellation.wait(20)
        context.cancellation.check()

    changed: list[str] = []
    served = served_own(serve, stream)
    session = served.new_session()
    run_id = ask(served, session, background=True).json["run_id"]
    until(lambda: bool(changed))
    if concurrency is None:
        served.client.post(f"/api/v1/runs/{run_id}/cancel")
    else:
        body = {"input": "new", "session_id": session, "concurrency": concurrency}
        assert served.client.post(AGENT, json=body).json["content"] == "new"
    assert served.ended(run_id)["status"] == "cancelled"
    assert "event: state" in served.client.get(f"/api/v1/runs/{run_id}/events").text
    assert session_of(served, session).json["state"] == {}


def test_a_run_without_a_session_has_no_state_and_cannot_set_it(serve) -> None:
    def stream(context: RunContext):
        yield str(context.state)
        context.set_state([{"op": "add", "path": "/x", "value": 1}])

    answer = ask(served_own(serve, stream))
    assert answer.status_code == 500
    assert "changes the state of the run's session, and this run has none" in answer.json["message"]


def test_tools_that_run_side_by_side_change_the_state_one_after_the_other(serve) -> None:
    @tool
    def push(context: ToolContext) -> str:
        """Push."""
        for _ in range(20):
            context.set_state([{"op": "add", "path": "/list/-", "value": threading.get_ident()}])
        return "ok"

    calls = [call("push", id=f"c{number}", index=number) for number in range(5)]
    served = serve(calls, "done", tools=[push])
    session = served.new_session(state={"list": []})
    events = events_of(served.stream("Hi", session_id=session))
    pushed = [data["delta"][0]["value"] for data in data_of(events, "state")]
    assert session_of(served, session).json["state"] == {"list": pushed}
    assert len(pushed) == 100


def during(served: Served, session: str, **fields: Any):
    """Return an agent that counts, and during whose run a client changes the session."""

    def stream(context: RunContext):
        context.set_state([{"op": "replace", "path": "/count", "value": context.state["count"] + 1}])
        assert served.client.put(f"/api/v1/sessions/{session}", json=fields).status_code == 200
        yield "Hello"

    return Own(stream)


def with_client_between(serve, **fields: Any) -> tuple[Served, str, Any]:
    agents: dict[str, Any] = {"own": Own(None)}
    served = serve(agents=agents)
    session = served.new_session(state={"count": 1})
    agents["own"].stream = during(served, session, **fields).stream
    return served, session, ask(served, session, stream=True)


def test_what_a_client_changed_during_the_run_is_kept(serve) -> None:
    served, session, answer = with_client_between(serve, state={"count": 1, "mine": 2}, name="n")
    assert events_of(answer)[-1].type == "complete"
    found = session_of(served, session).json
    assert (found["state"], found["name"]) == ({"count": 2, "mine": 2}, "n")


def test_a_run_fails_if_its_change_does_not_fit_what_a_client_made_of_the_state(serve) -> None:
    served, session, answer = with_client_between(serve, state={"mine": 2})
    (*_, last) = events_of(answer)
    assert (last.type, last.json()["data"]["details"]["cause"]) == ("error", "AGENT_FAILED")
    assert "was changed while the run was under way" in last.json()["data"]["message"]
    assert session_of(served, session).json["state"] == {"mine": 2}
    run = served.client.get(f"/api/v1/runs/{answer.headers['X-Run-ID']}").json
    assert (run["status"], run["content"]) == ("failed", "Hello")
    assert served.client.get(f"/api/v1/sessions/{session}/history").json["messages"] == []


def test_an_agent_that_fails_after_a_model_call_has_emitted_what_it_had(serve) -> None:
    @tool
    def note(context: ToolContext) -> str:
        """Note."""
        context.emit("noted", 1)
        return "ok"

    served = serve([call("note")], [Fail(RuntimeError())], tools=[note])
    events = list(read_events(served.stream("Hi").iter_encoded()))
    assert [event.type for event in events] == ["run_start", "tool_call", "custom", "tool_call", "error"]
