"""An application for tests of runs that pause, copied into the folder of the servers that serve it.

Its model does what the run's input says, so any worker continues the conversation of any other. Its tools note their
calls in ``calls.jsonl``. Its storage ends the process at the moment that the file ``die`` names.
"""

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agentos_redis.storage import open_redis

from agentos import (
    Agent,
    Approval,
    Config,
    Finish,
    Message,
    ModelProvider,
    ModelRequest,
    Pending,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    ToolContext,
    create_app,
    hookimpl,
    tool,
)
from agentos.storage.interface import Storage
from agentos.storage.sqlalchemy import open_sql

FOLDER = Path(__file__).parent
WITH_CURRENCY = os.environ.get("SHOP_CURRENCY") == "1"
"""A new version of the application: `pay` has one parameter more."""


class Clerk(ModelProvider):
    """Plays the turns of the run's input, a JSON list. A text is said word by word; a list of pairs are tool calls.

    ``{"say": TEXT, "calls": [[NAME, ARGUMENTS], …], "pause": SECONDS}`` does both, slowly. ``$results`` stands for what
    the tools of the run have returned so far.
    """

    def stream(self, request: ModelRequest) -> Iterator[Any]:
        number, turn, results = _place(request.messages)
        if not isinstance(turn, dict):
            turn = {"say": turn} if isinstance(turn, str) else {"calls": turn}
        for word in re.findall(r"\s*\S+\s*", turn.get("say", "").replace("$results", " | ".join(results))):
            request.cancellation.wait(turn.get("pause", 0))
            request.cancellation.check()
            yield TextDelta(word)
        for index, (name, arguments) in enumerate(turn.get("calls", ())):
            yield ToolCallDelta(index, f"call_{number}_{index}", name, json.dumps(arguments))
        yield Finish("tool_calls" if turn.get("calls") else "stop")


def _place(messages: Any) -> tuple[int, Any, list[str]]:
    """Return the number of the next turn, the turn, and the results so far."""
    begin = max(place for place, message in enumerate(messages) if message.role == "user")
    answers: list[Message] = list(messages[begin + 1 :])
    number = sum(message.role == "assistant" for message in answers)
    turns = json.loads(messages[begin].content)
    return number, turns[number], [message.content for message in answers if message.role == "tool"]


# --- tools -----------------------------------------------------------------------------------------------------------


def note(context: ToolContext, name: str, what: str, **more: Any) -> None:
    line = json.dumps({"run": context.run_id, "tool": name, "what": what, "pid": os.getpid(), **more}) + "\n"
    file = os.open(FOLDER / "calls.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, line.encode())  # one write: lines of several processes never mix
    finally:
        os.close(file)


def work(context: ToolContext, name: str, key: str, **more: Any) -> None:
    """Note a call, and wait while there is a file ``hold-KEY``."""
    note(context, name, "began", key=key, **more)
    while (FOLDER / f"hold-{key}").exists():
        context.cancellation.check()
        time.sleep(0.02)
    note(context, name, "ended")


@tool
def look_up(what: str, context: ToolContext) -> str:
    """Find out about something."""
    work(context, "look_up", what)
    return f"found {what}"


if not WITH_CURRENCY:

    @tool(approval=True)
    def pay(amount: int, to: str, context: ToolContext) -> str:
        """Pay somebody."""
        work(context, "pay", to, amount=amount, to=to)
        return f"paid {amount} to {to}"

else:

    @tool(approval=True)
    def pay(amount: int, to: str, context: ToolContext, currency: str = "EUR") -> str:
        """Pay somebody."""
        work(context, "pay", to, amount=amount, to=to, currency=currency)
        return f"paid {amount} {currency} to {to}"


@tool(approval=Approval(approver="other", message="a second person decides", remember=True))
def wire(amount: int, to: str, context: ToolContext) -> str:
    """Pay somebody far away."""
    work(context, "wire", to, amount=amount, to=to)
    return f"wired {amount} to {to}"


@tool
def ship(what: str, context: ToolContext) -> str:
    """Send something. The policy below wants an approval."""
    work(context, "ship", what)
    return f"shipped {what}"


@tool
def order(what: str, context: ToolContext) -> str:
    """Order something in a size that a person chooses."""
    note(context, "order", "began")
    size = context.ask(f"Which size of {what}?", {"type": "string", "enum": ["small", "large"]})
    work(context, "order", what, size=size)
    return f"ordered {size} {what}"


@tool
def remember(what: str, context: ToolContext) -> str:
    """Keep something in the session's state."""
    context.set_state([{"op": "add", "path": f"/{what}", "value": True}])
    return f"remembered {what}"


# --- the process ends ------------------------------------------------------------------------------------------------


class DyingStore:
    """A store of runs that ends the process when the file ``die`` has the name of the moment, as in ``before pause``.

    The first process that comes there takes the file away and dies: one process for each file.
    """

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if name not in ("pause", "answer", "claim", "finish"):
            return method

        def call(*arguments: Any, **options: Any) -> Any:
            die(f"before {name}")
            result = method(*arguments, **options)
            die(f"after {name}")
            return result

        return call


def die(moment: str) -> None:
    file = FOLDER / "die"
    try:
        if file.read_text() != moment:
            return
        file.unlink()
    except FileNotFoundError:
        return
    (FOLDER / "died").write_text(str(os.getpid()))
    os.kill(os.getpid(), signal.SIGKILL)


def open_dying(url: str, config: Config) -> Storage:
    database = os.environ["SHOP_DATABASE"]
    storage = open_redis(database, config) if database.startswith("redis:") else open_sql(database, config)
    storage.runs = DyingStore(storage.runs)  # type: ignore[assignment]
    return storage


class Shop:
    """What the application brings beside its agents."""

    @hookimpl
    def register_model_providers(self, register: Any) -> None:
        register("clerk", lambda config: Clerk())

    @hookimpl
    def register_storage_backends(self, register: Any) -> None:
        register("dying", open_dying)

    @hookimpl
    def before_tool_call(self, call: ToolCall, context: ToolContext) -> Pending | None:
        return Pending(f"a parcel to send: {call.arguments}") if call.name == "ship" else None


def agent(id: str, **settings: Any) -> Agent:
    return Agent(id=id, model="clerk:any", tools=[look_up, pay, wire, ship, order, remember], **settings)


app = create_app(
    agents={"shop": agent("shop"), "again": agent("again", retry_on_crash=True)},
    plugins={"shop": Shop()},
)
