"""Runs an agent in the test's own process, without a server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any, cast

from agentos.domain.agent import Agent, AnyAgent, StreamingAgent, is_async
from agentos.domain.guest import Guest
from agentos.domain.pending import Answer, PauseRequested, PendingAction
from agentos.domain.principal import ANONYMOUS_PRINCIPAL, OPERATOR, Principal
from agentos.domain.run_request import RunRequest
from agentos.hookspecs import hookimpl
from agentos.registrations import RegisterStorageBackend
from agentos.storage.memory import MemoryStorage
from agentos.testing.configuration import ModelScript, Turns, config_of
from agentos.testing.runs import FinishedRun, events_of
from agentos.tools.tool import Tool, Toolkit

if TYPE_CHECKING:
    from agentos.config import Config
    from agentos.domain.event import Frame, Yielded
    from agentos.domain.media import Media
    from agentos.domain.run import Run
    from agentos.runtime.context import RunContext
    from agentos.services.services import Services

HEARTBEAT = 60.0
SAVED_WITHIN = 10.0
"""Seconds that an ended run may take until it can be read."""

MOST_PAUSES = 1000

JOINED_WITHIN = 1.0
"""Seconds that the run's thread gets to end. One that is still in an agent that does not return is left to itself."""

Answers = Mapping[str, Answer] | Callable[[PendingAction], Answer | None]
NO_ANSWERS: Answers = {}


def run_agent(
    agent: AnyAgent | str,
    text: str = "",
    *,
    turns: Turns | None = None,
    tools: Sequence[Tool | Toolkit | Callable[..., Any]] = (),
    plugins: Mapping[str, object] | None = None,
    installed: Iterable[str] = (),
    in_place_of: Iterable[str] = (),
    answers: Answers = NO_ANSWERS,
    after: FinishedRun | None = None,
    media: Sequence[Media] = (),
    user_id: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    owner: str | None = None,
    **settings: Any,
) -> FinishedRun:
    """Run an agent to its end or its pause in this process and return the run with its events.

    A run that fails is returned, with its ``error``; what the server would refuse, as an agent without its tools or an
    attachment that the model does not take, raises the error of :mod:`agentos.errors` that a client would read.

    ``agent`` is an :class:`~agentos.Agent`, any object with ``stream(context)``, or the id of an agent that one of the
    ``plugins`` registers. ``turns`` is what the model says, one item a call, as in :class:`~agentos.ScriptedProvider`,
    or such a provider. It takes the place of the provider that the agent's model names, and of those ``in_place_of``
    names. ``answers`` is what people and clients answer when the run pauses: by the name of the tool that waits, or a
    function that is given each :class:`~agentos.PendingAction`; with ``approver="other"``, as another person than the
    owner. One that has no answer stays in ``run.pending``, and
    the run is returned as ``paused``. ``tools`` are registered beside the agent's own. ``plugins`` are under test, by
    name; ``installed`` are names of installed plugins to load as well. A run ``after`` another one is in the same
    session, whose history its agent is given; ``owner`` is the tenant that owns both. ``settings`` are those of
    :class:`~agentos.Config`; the storage is in memory unless they name a database, and the environment is not read.

    >>> run = run_agent(Agent(id="shop", model="openai:gpt-5-mini"), "When do you open?", turns=["At nine."])
    >>> run.status, run.content
    (<RunStatus.COMPLETED: 'completed'>, 'At nine.')
    """
    if isinstance(agent, type) or not isinstance(agent, AnyAgent | str):
        raise TypeError(
            f"{agent!r:.200} was given as the agent; accepted are an agentos.Agent, an object with stream(context), and"
            " the id of an agent of a plugin"
        )
    if isinstance(agent, Agent) and turns is not None and agent.model.startswith("scripted:"):
        agent = replace(agent, model=f"script:{agent.model.partition(':')[2]}")  # "scripted" is the server's own
    agent_id = agent if isinstance(agent, str) else str(getattr(agent, "id", "agent"))
    watched = (
        agent
        if isinstance(agent, Agent | Guest | str) or is_async(agent)
        else _WatchedAgent(cast(StreamingAgent, agent))
    )
    script = ModelScript(turns, [agent], in_place_of)
    asked = len(script.provider.requests)
    given = {"script": script, **(plugins or {})}
    if "database_url" not in settings:
        given["run-agent"] = _KeptStorage(after)
        settings["database_url"] = "run-agent://"
    agents = {} if isinstance(watched, str) else {agent_id: watched}
    config = config_of(installed, settings)
    with _built(config, agents=agents, tools=tools, plugins=given) as services:
        caller = _caller(after.run.owner if owner is None and after is not None else owner)
        run, frames = _execute(
            services,
            caller=caller,
            agent_id=agent_id,
            input=text,
            media=tuple(media),
            metadata=metadata or {},
            user_id=user_id,
            session_id=None if after is None else after.session_id,
            answers=answers,
        )
        return FinishedRun(
            run=run,
            events=events_of(frames),
            requests=tuple(script.provider.requests[asked:]),
            exception=watched.raised if isinstance(watched, _WatchedAgent) else None,
            storage=services.storage,
        )


@contextmanager
def _built(config: Config, **given: Any) -> Iterator[Services]:
    """Build a server, and end it with the block."""
    from agentos.bootstrap import build  # Late: the rest of the kit needs no server.

    services = build(config, serving=True, **given)
    try:
        yield services
    finally:
        services.drain(0)
        services.close()


def _execute(
    services: Services,
    *,
    caller: Principal,
    agent_id: str,
    session_id: str | None,
    user_id: str | None,
    answers: Answers,
    **fields: Any,
) -> tuple[Run, list[Frame]]:
    """Run an agent, in a new session unless there is one, and return the run as it is saved, and its frames."""
    if session_id is None:
        session, _ = services.sessions.create(agent_id, user_id=user_id, caller=caller)
        session_id = session.id
    request = RunRequest(caller=caller, agent_id=agent_id, session_id=session_id, user_id=user_id, **fields)
    handle = services.runs.start(request)
    frames: list[Frame] = []
    for _ in range(MOST_PAUSES):
        frames += chain.from_iterable(handle.follow(frames[-1].number if frames else 0, heartbeat=HEARTBEAT))
        run = handle.wait(SAVED_WITHIN)
        if run is None:
            raise AssertionError(f"run {handle.run_id} sent its last event and is not saved after {SAVED_WITHIN:g} s")
        _join(run.id)
        given = [(action, answer) for action in run.pending if (answer := _answer_to(action, answers)) is not None]
        if not given:
            return run, frames
        # Where another person than the run's owner has to approve, the answer is that of the command line.
        for person, approver in ((caller, "owner"), (OPERATOR, "other")):
            theirs = {action.id: answer for action, answer in given if action.approver == approver}
            if theirs:
                run = services.runs.answer(run.id, theirs, person)
        if run.pending:
            return run, frames
    raise AssertionError(f"run {handle.run_id} has paused {MOST_PAUSES} times and does not come to an end")


def _answer_to(action: PendingAction, answers: Answers) -> Answer | None:
    return answers(action) if callable(answers) else answers.get(action.call.name)


def _caller(owner: str | None) -> Principal:
    return ANONYMOUS_PRINCIPAL if owner is None else replace(ANONYMOUS_PRINCIPAL, owner=owner)


def _join(run_id: str) -> None:
    """Wait for the run's own thread, which ends after the run itself."""
    deadline = time.monotonic() + JOINED_WITHIN
    for thread in threading.enumerate():
        if thread.name == f"run-{run_id}":
            thread.join(max(0.0, deadline - time.monotonic()))


class _KeptStorage:
    """A plugin with the storage of an earlier run, or a new one in memory."""

    def __init__(self, after: FinishedRun | None) -> None:
        self._storage = MemoryStorage() if after is None or after.storage is None else after.storage

    @hookimpl
    def register_storage_backends(self, register: RegisterStorageBackend) -> None:
        register("run-agent", lambda _url, _config: self._storage)


class _WatchedAgent:
    """An agent with what it raised: a client, and so the run, is not shown that."""

    def __init__(self, agent: StreamingAgent) -> None:
        self.raised: BaseException | None = None
        self._agent = agent

    def __getattr__(self, name: str) -> Any:
        return getattr(self._agent, name)

    def stream(self, context: RunContext) -> Iterator[Yielded]:
        try:
            yield from self._agent.stream(context)
        except (GeneratorExit, PauseRequested):
            raise
        except BaseException as error:
            self.raised = error
            raise
