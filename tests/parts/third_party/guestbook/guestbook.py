"""A plugin as a stranger would write it, on the public modules alone: visitors sign a book, and an agent repeats it.

Another agent stamps entries, which somebody has to approve. What visitors want to be reminded of is done by jobs.
"""

import dataclasses
import os
import threading
from collections import Counter
from datetime import UTC, datetime

from agentos import (
    Agent,
    Denied,
    Finish,
    ModelProvider,
    Pending,
    Record,
    RunEvent,
    Step,
    TextDelta,
    ToolCallDelta,
    ToolContext,
    Usage,
    hookimpl,
    kinds,
    tool,
    web,
)
from agentos.web import PUBLIC, ResponseSpec, Routes

routes = Routes("guestbook", "A book that visitors sign.")
FOUND = {200: ResponseSpec("It.")}


class EntrySchema(web.RequestSchema):
    """What a visitor writes."""

    text = web.StrictString("The entry.", least=1, most=200, required=True)


class Lines(web.Projection):
    """Renders each token as a line with its number, and the end as a line with the status."""

    media_type = "text/plain; charset=utf-8"

    def render(self, frames):
        tokens = [(frame.number, web.event_data(frame)["token"]) for frame in frames if frame.type == "token"]
        return "".join(f"{number} {text!r}\n" for number, text in tokens).encode()

    def heartbeat(self):
        return b"\n"

    def end(self, run):
        return f"{run.status} {run.owner}\n".encode()


class Guestbook:
    """The state of one worker."""

    def __init__(self):
        self.motto = ""
        self.closed_to = frozenset()
        self.lock = threading.Lock()
        self.seen = {}

    def count(self, owner, event):
        with self.lock:
            self.seen.setdefault(owner, Counter())[type(event).__name__] += 1

    def of(self, owner):
        with self.lock:
            return dict(self.seen.get(owner, {}))


book = Guestbook()
REMINDERS, REMINDED = "guestbook-reminders", "guestbook-reminded"


class Warden(ModelProvider):
    """Has what it is told stamped, and says what the stamp says."""

    def stream(self, request):
        last = request.messages[-1]
        if last.role == "tool":
            yield TextDelta(last.content)
            yield Finish("stop")
        else:
            yield ToolCallDelta(0, "stamp_1", "stamp", '{"entry": "the first"}')
            yield Finish("tool_calls")


@tool
def stamp(entry: str, context: ToolContext) -> str:
    """Stamp an entry."""
    return f"stamped {entry} for {context.owner}"


@hookimpl
def register_settings(register):
    register("guestbook_motto", str, "Be kind.", "What is written on the first page.")
    register("guestbook_closed_to", kinds.NAMES, (), "Owners that may not sign.")


@hookimpl
def register_routes(register, server):
    book.motto = server.config.plugin_settings["guestbook_motto"]
    book.closed_to = frozenset(server.config.plugin_settings["guestbook_closed_to"])
    register(routes)


@hookimpl
def register_model_providers(register):
    register("warden", lambda config: Warden())


@hookimpl
def register_agents(register):
    register(Agent(id="warden", model="warden:any", tools=[stamp]))


@hookimpl
def before_tool_call(call, context):
    return Pending("a stamp costs a cent") if call.name == "stamp" else None


@hookimpl
def register_jobs(register):
    register(REMINDERS, remind)


def remind(record, server):
    server.records.add(REMINDED, "all", 1, owner=record.owner)


@hookimpl
def before_run(request, agent):
    if request.caller.owner in book.closed_to:
        return Denied(f"the guestbook is closed to {request.caller.owner}")
    return None


@hookimpl
def before_model_call(request, context):
    *before, last = request.messages
    changed = dataclasses.replace(last, content=f"{last.content} {book.motto}")
    return dataclasses.replace(request, messages=[*before, changed])


@hookimpl
def run_event(run, event: RunEvent | Usage | Step):
    book.count(run.owner, event)


@routes.get("/guestbook/motto", access=PUBLIC, responses=FOUND)
def get_motto():
    """Read the first page."""
    return web.json_response({"motto": book.motto, "pid": os.getpid()})


@routes.get("/guestbook/seen", access="guestbook:read", responses=FOUND)
def get_seen():
    """Read what this worker saw of the caller's runs."""
    owner = web.caller().owner
    return web.json_response({"owner": owner, "seen": book.of(owner), "pid": os.getpid()})


@routes.post("/guestbook/sign", access="guestbook:write", body=EntrySchema, responses=FOUND, errors=(web.Forbidden,))
def sign(body):
    """Write an entry, and read it while it is written."""
    request = web.RunRequest(caller=web.caller(), agent_id="assistant", input=body["text"], request_id=web.request_id())
    return web.start_and_stream(request, Lines())


@routes.get("/guestbook/entries/{run_id}", access="guestbook:read", responses=FOUND, errors=(web.RunNotFound,))
def get_entry(run_id):
    """Read an entry again, as it was written."""
    return web.stream(web.server().runs.open(run_id, web.caller()), Lines())


@routes.post("/guestbook/reminders", access="guestbook:write", body=EntrySchema, responses=FOUND)
def add_reminder(body):
    """Have oneself reminded at once; the text names the reminder."""
    owner, now = web.caller().owner, datetime.now(UTC)
    record = web.server().records.put(Record(collection=REMINDERS, id=body["text"], owner=owner, due_at=now))
    return web.json_response({"id": record.id})


@routes.get("/guestbook/reminders", access="guestbook:read", responses=FOUND)
def count_reminders():
    """Read how often the caller was reminded."""
    found = web.server().records.get(REMINDED, "all", owner=web.caller().owner)
    return web.json_response({"reminded": 0 if found is None else found.value})
