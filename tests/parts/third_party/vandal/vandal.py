"""A plugin with every hook of the guestbook, broken: a run's input names the hook and what goes wrong in it."""

import time

from agentos import hookimpl, web
from agentos.web import PUBLIC, ResponseSpec, Routes

FOUND = {200: ResponseSpec("It.")}
routes = Routes("vandal", "Breaks.", path_parameters={"how": web.PathParameter("What goes wrong.")})


def break_at(hook, text):
    """Do what the text says of this hook: ``before_run raises``, ``before_run nonsense`` or ``before_run slow``."""
    if f"{hook} raises" in text:
        raise RuntimeError("broken glass")
    if f"{hook} exits" in text:
        raise SystemExit(1)
    if f"{hook} nonsense" in text:
        return "nonsense"
    if f"{hook} slow" in text:
        time.sleep(0.3 if hook == "run_event" else 30)
    return None


@hookimpl
def before_run(request, agent):
    return break_at("before_run", request.input)


@hookimpl
def before_model_call(request, context):
    return break_at("before_model_call", request.messages[-1].content)


@hookimpl
def run_event(run, event):
    return break_at("run_event", run.input)


class Broken(web.Projection):
    media_type = "text/plain; charset=utf-8"

    def __init__(self, how):
        self.how = how

    def render(self, frames):
        if any(frame.type == "token" for frame in frames):
            return break_at("projection", self.how) or b""
        return b"begun\n"

    def heartbeat(self):
        return b"\n"

    def end(self, run):
        return f"{run.status}\n".encode()


@routes.get("/vandal/{how}", access=PUBLIC, responses=FOUND)
def get_broken(how):
    """Break."""
    return break_at("route", f"route {how}") or "nothing was broken"


@routes.post("/vandal/{how}", access="vandal:write", responses=FOUND)
def stream_broken(how):
    """Break while a run is streamed."""
    request = web.RunRequest(caller=web.caller(), agent_id="assistant", input="a b c", request_id=web.request_id())
    return web.start_and_stream(request, Broken(f"projection {how}"))


@hookimpl
def register_routes(register, server):
    register(routes)
