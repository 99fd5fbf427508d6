"""``run_agent``: one run in the test's own process, without a server, a network or a thread that stays."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from agentos import Agent, Answer, PendingAction, RunContext, ScriptedProvider, Token, ToolContext, hookimpl, tool
from agentos.errors import ConfigError, InvalidMedia, InvalidRequest, PluginError, ProviderUnavailable, SessionNotFound
from agentos.testing import PIXEL, AtMost, Cut, Fail, Pause, ScriptedAgent, call, run_agent

SHOP = Agent(id="shop", model="openai:gpt-5-mini", instructions="You answer for a bookshop.", max_turns=3)


def opening_hours(day: str) -> str:
    """Say when the shop is open.

    Args:
        day: A day of the week.
    """
    if day == "Caturday":
        raise ValueError(f"{day!r} is no day of the week")
    return "closed" if day == "Sunday" else "9:00 to 18:00"


ASK = [call("opening_hours", '{"day": "Sunday"}')]


def test_ten_lines_test_an_agent() -> None:
    agent = Agent(id="shop", model="openai:gpt-5-mini", tools=[opening_hours])
    run = run_agent(agent, "Are you open on Sunday?", turns=[ASK, "We are closed."])
    assert (run.status, run.content) == ("completed", "We are closed.")
    (made,) = run.tool_calls
    assert (made.name, made.arguments, made.result) == ("opening_hours", {"day": "Sunday"}, "closed")


@tool(approval=True)
def order(title: str) -> str:
    """Order a book."""
    return f"{title} ordered"


def wrap(title: str, context: ToolContext) -> str:
    """Wrap a book."""
    return f"{title} in {context.ask('Which paper?')} for {context.ask('Whom?')}"


BOOKSELLER = Agent(id="shop", model="openai:gpt-5-mini", tools=[order, wrap])
ORDER = [call("order", '{"title": "Emma"}', id="1"), call("wrap", '{"title": "Emma"}', id="2", index=1)]


def test_a_run_that_pauses_is_returned_with_what_it_waits_for() -> None:
    run = run_agent(BOOKSELLER, "Emma", turns=[ORDER, "Done."])
    assert (run.status, run.content) == ("paused", "")
    assert [(one.kind, one.call.name) for one in run.pending] == [("approval", "order"), ("input", "wrap")]
    assert run.events[-1].type == "paused"


def test_answers_by_tool_name_let_it_continue() -> None:
    answers = {"order": Answer(decision="approve", arguments={"title": "Ulysses"}), "wrap": Answer(output="gold")}
    run = run_agent(BOOKSELLER, "Emma", turns=[ORDER, "Done."], answers=answers)
    assert (run.status, run.content, run.pending) == ("completed", "Done.", ())
    assert {one.name: one.result for one in run.tool_calls} == {
        "order": "Ulysses ordered",
        "wrap": "Emma in gold for gold",
    }
    assert [event.type for event in run.events].count("paused") == 2
    assert [event.number for event in run.events] == list(range(1, len(run.events) + 1))


def test_a_function_answers_each_action_and_may_leave_some_open() -> None:
    def answer(action: PendingAction) -> Answer | None:
        return Answer(output=action.message) if action.kind == "input" else None

    run = run_agent(BOOKSELLER, "Emma", turns=[ORDER, "Done."], answers=answer)
    assert (run.status, [one.call.name for one in run.pending]) == ("paused", ["order"])


def test_an_answer_that_does_not_fit_is_refused_as_a_client_would_read_it() -> None:
    with pytest.raises(InvalidRequest, match="field 'output' of the answer"):
        run_agent(BOOKSELLER, "Emma", turns=[ORDER, "Done."], answers={"order": Answer(output="yes")})


def test_an_agent_that_is_not_ours_asks_and_is_called_again() -> None:
    class Clerk:
        resumed: list[bool] = []  # noqa: RUF012 - of this test alone

        def stream(self, context: RunContext) -> Iterator[str]:
            self.resumed.append(context.resumed)
            name = context.ask("Your name?", {"type": "string"})
            yield f"Hello {name}, "
            yield f"you are {context.ask('Your age?')}."

    run = run_agent(Clerk(), "Hi", answers=lambda action: Answer(output="Ada" if action.number == 0 else 36))
    assert (run.status, run.exception) == ("completed", None)
    assert run.content == "Hello Ada, Hello Ada, you are 36."
    assert Clerk.resumed == [False, True, True]


def test_the_run_has_its_events_in_order_and_to_the_byte() -> None:
    run = run_agent(SHOP, "Hi", turns=[["We ", "are \n", "open."]])
    assert [event.type for event in run.events] == ["run_start", "token", "token", "token", "complete"]
    assert [event.number for event in run.events] == [1, 2, 3, 4, 5]
    assert run.tokens == ["We ", "are \n", "open."]
    assert run.events[-1].data["output"] == run.content == "We are \nopen."
    assert run.run.input == "Hi"
    assert run.usage.total_tokens > 0


def test_what_the_model_was_asked_can_be_looked_at() -> None:
    run = run_agent(SHOP, "Hi", turns=["Hello"])
    (request,) = run.requests
    assert [(message.role, message.content) for message in request.messages] == [
        ("system", "You answer for a bookshop."),
        ("user", "Hi"),
    ]
    assert request.model == "gpt-5-mini"


def test_two_runs_in_one_session() -> None:
    first = run_agent(SHOP, "I am Ada.", turns=["Hello, Ada."])
    second = run_agent(SHOP, "Who am I?", turns=["You are Ada."], after=first)
    assert second.session_id == first.session_id
    assert [message.content for message in second.requests[0].messages][1:] == ["I am Ada.", "Hello, Ada.", "Who am I?"]
    third = run_agent(SHOP, "And now?", turns=["Still."], after=second)
    assert len(third.requests[0].messages) == 6


def test_runs_that_are_not_after_one_another_know_nothing_of_each_other() -> None:
    first, second = (run_agent(SHOP, "Hi", turns=["Hello"]) for _ in range(2))
    assert first.session_id != second.session_id
    assert len(second.requests[0].messages) == 2


def test_a_run_after_one_of_another_owner_is_in_a_session_that_is_not_there() -> None:
    first = run_agent(SHOP, "Hi", turns=["Hello"], owner="alice")
    assert run_agent(SHOP, "Hi", turns=["Hello"], after=first).run.owner == "alice"
    with pytest.raises(SessionNotFound):
        run_agent(SHOP, "Hi", turns=["Hello"], after=first, owner="bob")


def test_a_picture_reaches_the_model() -> None:
    run = run_agent(SHOP, media=[PIXEL], turns=["A dot."])
    (picture,) = run.requests[0].messages[-1].media
    assert (picture.data, picture.content_type) == (PIXEL.data, "image/png")
    assert run.events[0].data["media"][0]["name"] == "pixel.png"


def test_a_picture_of_an_earlier_run_is_in_the_history() -> None:
    first = run_agent(SHOP, "What is it?", media=[PIXEL], turns=["A dot."])
    second = run_agent(SHOP, "Sure?", turns=["Yes."], after=first)
    assert second.requests[0].messages[1].media[0].data == PIXEL.data


def test_an_attachment_that_is_refused_raises_the_error_of_a_client() -> None:
    class Deaf(ScriptedProvider):
        media_types = frozenset()

    with pytest.raises(InvalidMedia):
        run_agent(SHOP, media=[PIXEL], turns=Deaf(["never"]))


def test_an_agent_that_raises_is_a_failed_run_with_what_it_raised() -> None:
    broken = KeyError("a bug")
    run = run_agent(ScriptedAgent("Half", broken), "Hi")
    assert (run.status, run.content) == ("failed", "Half")
    assert run.exception is broken
    assert run.error is not None
    assert run.error.code == "EXECUTION_ERROR"
    assert "a bug" not in run.error.message
    assert "KeyError('a bug')" in repr(run)
    assert run.events[-1].type == "error"


def test_an_agent_that_completes_raised_nothing() -> None:
    run = run_agent(ScriptedAgent("Hello", [Token(" there"), "!"]), "Hi")
    assert (run.status, run.content, run.exception) == ("completed", "Hello there!", None)


def test_an_agent_of_another_framework_gets_its_context() -> None:
    agent = ScriptedAgent("Hello", id="own")
    first = run_agent(agent, "Hi", user_id="ada", metadata={"a": 1}, owner="acme")
    run_agent(agent, "Again", after=first)
    one, two = agent.contexts
    assert (one.agent_id, one.user_id, one.metadata, one.owner) == ("own", "ada", {"a": 1}, "acme")
    assert [message.content for message in two.history] == ["Hi", "Hello"]


def test_an_object_without_an_id_is_an_agent_too() -> None:
    class Own:
        def stream(self, context):
            return ["Hello ", context.input]

    run = run_agent(Own(), "Ada")
    assert (run.content, run.run.agent_id) == ("Hello Ada", "agent")


@pytest.mark.parametrize("given", [ScriptedAgent, Agent, 7, None, [SHOP]])
def test_what_is_no_agent_is_refused_with_what_is_accepted(given: object) -> None:
    with pytest.raises(TypeError, match=r"accepted are an agentos\.Agent"):
        run_agent(given, "Hi")


@pytest.mark.parametrize(
    ("turn", "cause"),
    [
        ([Fail(ProviderUnavailable("away"))], "PROVIDER_UNAVAILABLE"),
        (["Half", Cut()], "PROVIDER_ERROR"),
        ([AtMost(3)], "CONTEXT_TOO_LONG"),
        ([call("no_such_tool")], "TURN_LIMIT"),
    ],
)
def test_a_model_that_fails_is_a_failed_run(turn: list[object], cause: str) -> None:
    run = run_agent(SHOP, "Hello", turns=[turn], model_retries=0)
    assert run.status == "failed"
    assert run.error is not None
    assert run.error.details["cause"] == cause


def test_a_slow_model_ends_at_the_time_limit() -> None:
    began = time.monotonic()
    run = run_agent(SHOP, "Hi", turns=[["Well", Pause(30)]], request_timeout=0.3)
    assert time.monotonic() - began < 5
    assert (run.status, run.content) == ("failed", "Well")
    assert run.error is not None
    assert run.error.details["cause"] == "TIMEOUT"


def test_a_tool_that_fails_is_read_by_the_model() -> None:
    agent = Agent(id="shop", model="openai:gpt-5-mini", tools=[opening_hours])
    run = run_agent(agent, "Hi", turns=[[call("opening_hours", '{"day": "Caturday"}')], "Which day?"])
    (made,) = run.tool_calls
    assert made.status == "failed"
    assert "no day of the week" in (made.error or "")
    assert run.requests[1].messages[-1].content == made.error


def test_a_tool_that_is_slow_is_given_up_and_the_run_continues() -> None:
    release = threading.Event()

    def wait() -> str:
        """Wait."""
        release.wait(20)
        return "done"

    agent = Agent(id="shop", model="openai:gpt-5-mini", tools=[wait])
    try:
        run = run_agent(agent, "Hi", turns=[[call("wait")], "It takes too long."], tool_timeout=0.2)
    finally:
        release.set()
    assert run.content == "It takes too long."
    assert "did not return within 0.2 s" in (run.tool_calls[0].error or "")


def test_calls_with_the_same_id_are_told_apart() -> None:
    agent = Agent(id="shop", model="openai:gpt-5-mini", tools=[opening_hours])
    monday = [call("opening_hours", '{"day": "Monday"}')]
    run = run_agent(agent, "Hi", turns=[ASK, monday, "Open on Monday."])
    assert [made.result for made in run.tool_calls] == ["closed", "9:00 to 18:00"]


def test_a_tool_may_be_registered_and_named() -> None:
    agent = Agent(id="shop", model="openai:gpt-5-mini", tools=["opening_hours"])
    run = run_agent(agent, "Hi", turns=[ASK, "Closed."], tools=[opening_hours])
    assert run.tool_calls[0].result == "closed"
    with pytest.raises(ConfigError, match="opening_hours"):
        run_agent(agent, "Hi", turns=[ASK])


class Greetings:
    """A plugin with an agent of a real model and a tool."""

    def __init__(self) -> None:
        self.ended: list[str] = []

    @hookimpl
    def register_tools(self, register) -> None:
        register(opening_hours)

    @hookimpl
    def register_agents(self, register) -> None:
        register(Agent(id="greeter", model="groq:llama", tools=["opening_hours"]))

    @hookimpl
    def run_finished(self, run) -> None:
        self.ended.append(run.content)


def test_the_agent_of_a_plugin_is_run_by_its_id() -> None:
    plugin = Greetings()
    run = run_agent("greeter", "Hi", plugins={"greetings": plugin}, turns=[ASK, "Closed."], in_place_of=["groq"])
    assert (run.content, run.run.agent_id) == ("Closed.", "greeter")
    assert plugin.ended == ["Closed."]


def test_a_broken_plugin_is_an_error() -> None:
    with pytest.raises(PluginError, match="'groq'"):
        run_agent("greeter", "Hi", plugins={"greetings": Greetings()})


def test_without_turns_a_provider_that_is_not_installed_is_missed() -> None:
    with pytest.raises(ConfigError, match="there is no model provider 'openai'"):
        run_agent(SHOP, "Hi")


def test_a_provider_is_told_what_to_say_from_run_to_run() -> None:
    script = ScriptedProvider(["One"])
    first = run_agent(SHOP, "Hi", turns=script)
    script.say("Two", "Three")
    said = [first.content, *(run_agent(SHOP, "Hi", turns=script).content for _ in range(3))]
    assert said == ["One", "Two", "Three", "Two"]
    assert (len(script.requests), len(first.requests)) == (4, 1)


def test_the_echo_needs_no_script() -> None:
    assert run_agent(Agent(id="echo", model="scripted:echo"), "Hello there").tokens == ["Hello", " there"]


def test_a_script_takes_the_place_of_the_echo_too() -> None:
    run = run_agent(Agent(id="echo", model="scripted:echo"), "Hello there", turns=["No."])
    assert (run.content, run.requests[0].model) == ("No.", "echo")


def test_a_database_may_be_named(tmp_path) -> None:
    url = f"sqlite:///{tmp_path}/agentos.db"
    first = run_agent(SHOP, "I am Ada.", turns=["Hello"], database_url=url)
    second = run_agent(SHOP, "Who am I?", turns=["Ada"], database_url=url, after=first)
    assert len(second.requests[0].messages) == 4


def test_the_environment_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTOS_MODEL_RETRIES", "many")
    monkeypatch.setenv("AGENTOS_DATABASE_URL", "sqlite:////nowhere/at.db")
    assert run_agent(SHOP, "Hi", turns=["Hello"]).status == "completed"


def test_no_thread_is_left() -> None:
    before = set(threading.enumerate())
    agent = Agent(id="shop", model="openai:gpt-5-mini", tools=[opening_hours])
    for number in range(20):
        run_agent(agent, "Hi", turns=[ASK, "Closed."])
        run_agent(ScriptedAgent("Half", ValueError(number)), "Hi")
    assert set(threading.enumerate()) <= before


def test_an_agent_that_notices_its_end_late_is_waited_for() -> None:
    class Late:
        def stream(self, context):
            yield "Well"
            time.sleep(1)

    run = run_agent(Late(), "Hi", request_timeout=0.1)
    assert run.status == "failed"
    assert f"run-{run.id}" not in [thread.name for thread in threading.enumerate()]


def test_the_same_run_twice_has_the_same_events() -> None:
    def told() -> list[tuple[str, object]]:
        run = run_agent(SHOP, "Hi", turns=[["a", "b"], "c"])
        kept = [(event.type, {**event.data, "duration": None, "session_id": None}) for event in run.events]
        return [("status", run.status), *kept]

    assert told() == told()


def test_neither_flask_nor_gevent_is_loaded() -> None:
    code = (
        "import sys; from agentos import Agent; from agentos.testing import run_agent;"
        "assert run_agent(Agent(id='a', model='x:y'), 'Hi', turns=['Hello']).content == 'Hello';"
        "sys.exit(', '.join({'flask', 'gevent', 'gunicorn', 'pytest', 'sqlalchemy'} & set(sys.modules)) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_setting_that_is_not_there_is_an_error() -> None:
    with pytest.raises((TypeError, ConfigError), match="request_timout"):
        run_agent(SHOP, "Hi", turns=["Hello"], request_timout=1)
