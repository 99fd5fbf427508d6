"""What plugins opened is closed with the worker: each thing at most once, whatever another one does."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from agentos import (
    Config,
    Credentials,
    Executor,
    Principal,
    ScriptedProvider,
    Toolkit,
    create_app,
    hookimpl,
    tool,
)
from agentos.errors import ConfigError


class Closing:
    """Counts how often it is closed; does what a test says then."""

    def __init__(self, then: Callable[[], Any] = bool) -> None:
        self.closed = 0
        self.then = then

    def close(self) -> None:
        self.closed += 1
        self.then()


class Provider(ScriptedProvider):
    def __init__(self, then: Callable[[], Any] = bool) -> None:
        super().__init__()
        self.closing = Closing(then)

    def close(self) -> None:
        self.closing.close()


class Door(Closing):
    def authenticate(self, credentials: Credentials) -> Principal:
        return Principal(id="key:1", owner="acme", scopes=["agents:run"])


class Pool(Executor):
    def __init__(self, then: Callable[[], Any] = bool) -> None:
        self.closing = Closing(then)

    def start(self, execute: Callable[[str], None]) -> None:
        self.execute = execute

    def submit(self, run_id: str) -> None:
        self.execute(run_id)

    def close(self) -> None:
        self.closing.close()


class Notes(Toolkit):
    def __init__(self, then: Callable[[], Any] = bool) -> None:
        self.closing = Closing(then)

    @tool
    def write(self, text: str) -> None:
        """Write a note."""

    def close(self) -> None:
        self.closing.close()


class MoreNotes(Toolkit):
    """Another toolkit's tools under other names."""

    prefix = "more_"

    def __init__(self, notes: Notes) -> None:
        self.notes = notes

    @tool
    def write(self, text: str) -> None:
        """Write a note."""

    def close(self) -> None:
        self.notes.close()


class Lookup:
    """A tool that is an object with a connection."""

    __name__ = "lookup"

    def __init__(self) -> None:
        self.closing = Closing()

    def __call__(self, text: str) -> str:
        """Look a word up."""
        return text

    def close(self) -> None:
        self.closing.close()


class Tickets(Toolkit):
    closed: list[int]

    @tool
    def close(self, number: int = 0) -> str:
        """Close a ticket."""
        self.closed.append(number)
        return "closed"


class Everything:
    """Registers one thing of each kind."""

    def __init__(self, then: Callable[[], Any] = bool) -> None:
        self.provider, self.door, self.pool, self.notes = Provider(then), Door(then), Pool(then), Notes(then)

    @property
    def counts(self) -> list[int]:
        things = (self.provider.closing, self.door, self.pool.closing, self.notes.closing)
        return [one.closed for one in things]

    @hookimpl
    def register_model_providers(self, register: Any) -> None:
        register("everything", lambda config: self.provider)

    @hookimpl
    def register_authenticators(self, register: Any) -> None:
        register("door", lambda config, storage: self.door)

    @hookimpl
    def register_executors(self, register: Any) -> None:
        register("pool", lambda config: self.pool)

    @hookimpl
    def register_tools(self, register: Any) -> None:
        register(self.notes)


IN_USE = {"auth": ("door",), "executor": "pool", "model": "everything:echo"}


def opened(serve, plugins: dict[str, object], **settings: Any):
    served = serve(plugins=plugins, **settings)
    assert served.client.post("/api/v1/agents/assistant/run", json={"input": "Hi"}).status_code == 200
    return served


def test_executors_authenticators_toolkits_and_providers_are_closed_once(serve) -> None:
    everything = Everything()
    served = opened(serve, {"everything": everything}, **IN_USE)
    assert everything.counts == [0, 0, 0, 0]
    for _ in range(2):
        served.services.close()
    assert everything.counts == [1, 1, 1, 1]


def test_what_is_not_in_use_was_not_opened_and_is_not_closed(serve) -> None:
    everything = Everything()
    served = serve(plugins={"everything": everything})
    served.services.close()
    assert everything.counts == [0, 0, 0, 1]


def test_a_tool_that_is_an_object_is_closed(serve) -> None:
    lookup = Lookup()

    class Plugin:
        @hookimpl
        def register_tools(self, register: Any) -> None:
            register(lookup)

    serve(plugins={"lookup": Plugin()}).services.close()
    assert lookup.closing.closed == 1


def test_a_thing_that_is_two_things_is_closed_once(serve) -> None:
    class Both(Door):
        @hookimpl
        def register_authenticators(self, register: Any) -> None:
            register("one", lambda config, storage: self)
            register("two", lambda config, storage: self)

    both = Both()
    serve(plugins={"both": both}, auth=("one", "two")).services.close()
    assert both.closed == 1


def test_a_tool_named_close_is_for_the_model_alone(serve) -> None:
    tickets = Tickets()
    tickets.closed = []

    class Plugin:
        @hookimpl
        def register_tools(self, register: Any) -> None:
            register(tickets)

    serve(plugins={"tickets": Plugin()}).services.close()
    assert tickets.closed == []


def test_tools_that_a_program_gives_are_the_programs_to_close(serve) -> None:
    notes = Notes()
    serve(tools=[notes]).services.close()
    assert notes.closing.closed == 0


def _fail() -> None:
    raise RuntimeError("its connection is gone")


def _leave() -> None:
    raise SystemExit(1)


@pytest.mark.parametrize("wrong", [_fail, _leave])
def test_one_that_fails_to_close_keeps_no_other_one_open(serve, log_records, wrong: Callable[[], Any]) -> None:
    first, second = Everything(wrong), Notes()

    class Plugin:
        @hookimpl
        def register_tools(self, register: Any) -> None:
            register(MoreNotes(second))

    served = opened(serve, {"everything": first, "notes": Plugin()}, **IN_USE)
    served.services.close()
    assert first.counts == [1, 1, 1, 1]
    assert second.closing.closed == 1
    records = [one for one in log_records("agentos.plugins") if one.levelno == logging.ERROR]
    assert {one.plugin for one in records} == {"everything"}
    assert {one.part for one in records} == {
        "tools of Notes",
        "executor:pool",
        "authenticator:door",
        "model provider:everything",
    }


def test_one_that_does_not_return_is_left_behind_and_the_others_are_closed(serve, log_records) -> None:
    never = threading.Event()
    everything = Everything()
    everything.pool.closing.then = lambda: never.wait(30)
    served = opened(serve, {"everything": everything}, **IN_USE)
    began = time.monotonic()
    served.services.close()
    assert time.monotonic() - began < 5
    assert everything.counts == [1, 1, 1, 1]
    records = [one for one in log_records("agentos.plugins") if one.levelno == logging.ERROR]
    assert [(one.plugin, one.part) for one in records] == [("everything", "executor:pool")]
    never.set()


def test_what_a_broken_plugin_had_opened_is_closed_at_once(serve) -> None:
    class Broken(Everything):
        @hookimpl
        def register_agents(self, register: Any) -> None:
            raise RuntimeError("no licence")

    broken = Broken()
    serve(plugins={"broken": broken})
    assert broken.notes.closing.closed == 1


def test_what_was_opened_is_closed_where_the_server_cannot_be_put_together() -> None:
    everything = Everything()
    config = Config(database_url="memory://", plugins=(), environ={}, auth=("door", "none"))
    with pytest.raises(ConfigError, match="'none', which is not installed"):
        create_app(config, plugins={"everything": everything})
    assert everything.counts == [0, 1, 0, 1]
