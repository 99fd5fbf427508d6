"""A plugin with operations on what belongs to tenants: what goes through all operations goes through these too."""

from typing import Any

from flask import Response

from agentos import web
from agentos.hookspecs import hookimpl
from agentos.registrations import RegisterRoutes
from agentos.web import RequestSchema, ResponseSchema, ResponseSpec, Routes


class NoteSchema(ResponseSchema):
    """A note about a run."""

    run_id = web.StrictString("The run.")
    text = web.StrictString("What it said.")


class NewNoteSchema(RequestSchema):
    """What to run."""

    text = web.StrictString("What is asked.", least=1, most=100, required=True)
    session_id = web.id_field("The session to run in.")


NOTE = {200: ResponseSpec("The note.", NoteSchema)}
REFUSALS = (web.AgentNotFound, web.SessionNotFound, web.RateLimited, web.ShuttingDown, web.TooManyStreams)

routes = Routes("notes", "Notes about runs.")


@routes.get("/notes/{run_id}", access="notes:read", responses=NOTE, errors=(web.RunNotFound,))
def get_note(run_id: str) -> Response:
    """Read the note of a run."""
    run = web.server().runs.open(run_id, web.caller()).get()
    return web.json_response({"run_id": run.id, "text": run.content or ""})


@routes.post(
    "/notes/{agent_id}",
    access="agents:run:{agent_id}",
    body=NewNoteSchema,
    responses=NOTE,
    errors=(*REFUSALS, web.ExecutionError, web.RunCancelled),
)
def make_note(agent_id: str, body: dict[str, Any]) -> Response:
    """Run an agent and note what it says."""
    wanted = web.RunRequest(
        caller=web.caller(), agent_id=agent_id, input=body["text"], session_id=body.get("session_id")
    )
    run, _ = web.start_and_wait(wanted)
    if run.error is not None:
        return web.run_error_response(run.error)
    return web.json_response({"run_id": run.id, "text": run.content or ""})


class NotesPlugin:
    """Brings them."""

    @hookimpl
    def register_routes(self, register: RegisterRoutes) -> None:
        register(routes)
