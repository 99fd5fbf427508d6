"""Applications with an agent that has tools that wait, and runs of it that have paused."""

from collections.abc import Callable, Sequence
from typing import Any

from werkzeug.test import TestResponse

from agentos import hookimpl
from agentos.models.scripted import Step
from agentos.testing.sse import ServerSentEvent, read_events
from api.conftest import Serve, Served
from parts.bank import TRANSFER, Bank
from parts.waiting import until

WAYS = ("run", "stream", "background")
"""How a run is started: waited for, streamed, or left alone."""


class Paused:
    """An application, and runs of it that pause."""

    def __init__(self, served: Served, bank: Bank) -> None:
        self.served = served
        self.client = served.client
        self.bank = bank

    def start(self, way: str = "run", text: str = "Pay", **fields: Any) -> str:
        """Start a run, wait until it has paused, and return its id."""
        if way == "stream":
            answer = self.served.stream(text, **fields)
            assert events_of(answer)[-1].type == "paused"
        else:
            answer = self.served.run(text, **fields, **({"background": True} if way == "background" else {}))
            assert answer.status_code == 202, answer.text
        run_id = answer.headers["X-Run-ID"]
        until(lambda: self.run(run_id)["status"] == "paused")
        return run_id

    def run(self, run_id: str) -> dict[str, Any]:
        """Return a run as it is."""
        found: dict[str, Any] = self.client.get(f"/api/v1/runs/{run_id}").json
        return found

    def pending(self, run_id: str) -> list[dict[str, Any]]:
        """Return what a run waits for."""
        found: list[dict[str, Any]] = self.run(run_id)["pending"]
        return found

    def answer(self, run_id: str, *answers: dict[str, Any]) -> TestResponse:
        """Answer what a run waits for; an answer without an id is to the first action."""
        first = {} if all("id" in one for one in answers) else {"id": self.pending(run_id)[0]["id"]}
        return self.client.resume(run_id, *(first | one for one in answers))

    def approve(self, run_id: str) -> TestResponse:
        """Approve all that a run waits for."""
        return self.answer(run_id, *({"id": one["id"], "decision": "approve"} for one in self.pending(run_id)))

    def ended(self, run_id: str) -> dict[str, Any]:
        """Wait until a run has ended and return it."""
        until(lambda: self.run(run_id)["ended_at"] is not None)
        return self.run(run_id)

    def events(self, run_id: str, query: str = "") -> list[ServerSentEvent]:
        """Follow a run as far as it goes."""
        return events_of(self.client.get(f"/api/v1/runs/{run_id}/events{query}"))


def events_of(answer: TestResponse) -> list[ServerSentEvent]:
    """Return the events of a stream."""
    assert (answer.status_code, answer.mimetype) == (200, "text/event-stream"), answer.text
    return list(read_events(answer.iter_encoded()))


def types_of(events: Sequence[ServerSentEvent]) -> list[str]:
    """Return the types of events."""
    return [event.type for event in events]


class Installed:
    """The bank's tools, for agents that name them. A plugin."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank

    @hookimpl
    def register_tools(self, register: Any) -> None:
        for one in self._bank.tools():
            register(one)


def paused_app(serve: Serve, *turns: str | Sequence[Step], registered: bool = False, **options: Any) -> Paused:
    """Make an application with an agent that plays these turns; without any, it transfers money and says so.

    With ``registered``, the tools are installed too, so that stored agents may name them.
    """
    bank = Bank()
    if registered:
        options["plugins"] = {"bank": Installed(bank)}
    return Paused(serve(*(turns or (TRANSFER, "Done.")), tools=bank.tools(), **options), bank)


def paused_pair(
    serve_pair: Callable[..., tuple[Served, Served]], *turns: str | Sequence[Step], **options: Any
) -> tuple[Paused, Paused]:
    """Make two such applications on one database, as two workers of a deployment are; they share what was called.

    The first plays the turns from the first on, and the second those after a pause: either may go on with a run.
    """
    bank = Bank()
    first, *after = turns or (TRANSFER, "Done.")
    here, there = serve_pair(first, *after, tools=bank.tools(), **options)
    there.provider.say(*after)
    return Paused(here, bank), Paused(there, bank)
