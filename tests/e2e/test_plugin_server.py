"""A plugin that is installed beside the server, under gunicorn with two workers, with keys of two tenants."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from parts.server import AgentOSServer

PLUGIN = '''
import agentos
from agentos import web
from agentos.web import PUBLIC, ResponseSpec, Routes

routes = Routes("parrot", "Repeats.", path_parameters={"name": web.PathParameter("The run's name at this door.")})
FOUND = {200: ResponseSpec("It.")}


class SpeechSchema(web.RequestSchema):
    """What is said."""

    text = web.StrictString("The text.", least=1, required=True)


class Lines(web.Projection):
    """The tokens, a line each, each with its number."""

    media_type = "text/plain; charset=utf-8"

    def render(self, frames):
        tokens = [(frame.number, web.event_data(frame)["token"]) for frame in frames if frame.type == "token"]
        return "".join(f"{number} {text!r}\\n" for number, text in tokens).encode()

    def heartbeat(self):
        return b"\\n"

    def end(self, run):
        return f"{run.status} {run.owner}\\n".encode()


def wanted(text):
    return web.RunRequest(caller=web.caller(), agent_id="assistant", input=text, request_id=web.request_id())


@routes.get("/parrot/name", access=PUBLIC, responses=FOUND)
def get_name():
    """Read the parrot's name."""
    return web.json_response({"name": "Polly"})


@routes.get("/parrot/mood", access="parrot:read", responses=FOUND)
def get_mood():
    """Read the parrot's mood."""
    return web.json_response({"owner": web.caller().owner})


@routes.post("/parrot/speak", access="parrot:speak", body=SpeechSchema, responses=FOUND)
def speak(body):
    """Have the parrot repeat something."""
    return web.start_and_stream(wanted(body["text"]), Lines())


@routes.post("/parrot/start", access="parrot:speak", body=SpeechSchema, responses=FOUND)
def begin(body):
    """Have the parrot repeat something, by the server's own use case."""
    handle = web.server().runs.start(wanted(body["text"]))
    return web.stream(handle, Lines(), cancel_on_disconnect=True)


@routes.post("/parrot/say", access="parrot:speak", body=SpeechSchema, responses=FOUND)
def say(body):
    """Have the parrot repeat something at once."""
    run, _ = web.start_and_wait(wanted(body["text"]))
    return web.json_response({"said": run.content})


@routes.get("/parrot/runs/{run_id}", access="parrot:read", responses=FOUND, errors=(web.RunNotFound,))
def follow(run_id):
    """Follow what the parrot repeats."""
    return web.stream(web.server().runs.open(run_id, web.caller()), Lines())


door = Routes("squawk", "A protocol.", prefix="/squawk", error_renderer=lambda error: {"squawk": error.message})


@door.get("/squawk/here", access="parrot:read", responses=FOUND)
def get_here():
    """Be here."""
    return web.json_response({})


@agentos.hookimpl
def register_routes(register, server):
    register(routes)
    register(door)
'''


def install(folder: Path) -> None:
    """Put the plugin where Python finds it, as pip would."""
    (folder / "parrot.py").write_text(PLUGIN, "utf-8")
    about = folder / "agentos_parrot-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: agentos-parrot\nVersion: 1.0\n", "utf-8")
    (about / "entry_points.txt").write_text("[agentos]\nparrot = parrot\n", "utf-8")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentOSServer]:
    folder = tmp_path_factory.mktemp("parrot")
    install(folder)
    env = {"AGENTOS_AUTH": "api_key", "AGENTOS_MODEL": "scripted:slow-6x0.05", "AGENTOS_RATE_LIMIT": "none"}
    env |= {"AGENTOS_HEARTBEAT_INTERVAL": "1"}
    with AgentOSServer(env, cwd=folder, plugins="parrot") as made:
        yield made


class Caller:
    def __init__(self, server: AgentOSServer, owner: str, scopes: str) -> None:
        self.url = server.url
        command = [sys.executable, "-m", "flask", "agentos", "keys", "create", f"{owner} {scopes}", "--user", owner]
        command += ["--scope", scopes, "--json"]
        done = subprocess.run(
            command, cwd=server.cwd, env=server.environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        self.headers = {"X-API-Key": json.loads(done.stdout)["key"]}

    def ask(self, method: str, path: str, **given: Any) -> requests.Response:
        return requests.request(method, f"{self.url}{path}", headers=self.headers, timeout=30, **given)


@pytest.fixture(scope="module")
def alice(server: AgentOSServer) -> Caller:
    return Caller(server, "alice", "parrot:read,parrot:speak,agents:run")


@pytest.fixture(scope="module")
def bob(server: AgentOSServer) -> Caller:
    return Caller(server, "bob", "parrot:read,parrot:speak,agents:run")


def both_workers(ask: Any) -> list[Any]:
    """Ask so often, on connections of their own, that both workers have answered."""
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda _: ask(), range(16)))


def test_what_is_public_answers_without_a_key_and_the_rest_does_not(server: AgentOSServer) -> None:
    for answer in both_workers(lambda: requests.get(f"{server.url}/parrot/name", timeout=30)):
        assert answer.json() == {"name": "Polly"}
    for answer in both_workers(lambda: requests.get(f"{server.url}/parrot/mood", timeout=30)):
        assert answer.status_code == 401


def test_a_key_needs_the_plugins_scope(server: AgentOSServer, alice: Caller, bob: Caller) -> None:
    assert {answer.json()["owner"] for answer in both_workers(lambda: alice.ask("GET", "/parrot/mood"))} == {"alice"}
    assert bob.ask("GET", "/parrot/mood").json() == {"owner": "bob"}
    lacking = Caller(server, "carol", "agents:read,agents:run")
    assert lacking.ask("GET", "/parrot/mood").status_code == 403


@pytest.mark.parametrize("path", ["/parrot/speak", "/parrot/start"])
def test_a_run_is_streamed_as_the_plugins_projection_renders_it(alice: Caller, bob: Caller, path: str) -> None:
    answer = alice.ask("POST", path, json={"text": "Hi"}, stream=True)
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    lines = [line for line in answer.text.splitlines() if line]
    assert lines[-1] == "completed alice"
    assert len(lines) == 7
    assert lines[0].startswith("2 'word0")
    # The same from the log, whichever worker answers; to another tenant the run is not there.
    address = f"/parrot/runs/{answer.headers['X-Run-ID']}"
    assert {again.text for again in both_workers(lambda: alice.ask("GET", address))} == {answer.text}
    assert {again.status_code for again in both_workers(lambda: bob.ask("GET", address))} == {404}


def test_it_comes_as_it_is_said(alice: Caller) -> None:
    answer = alice.ask("POST", "/parrot/speak", json={"text": "Hi"}, stream=True)
    first = next(answer.iter_lines())
    assert first.startswith(b"2 ")
    run = alice.ask("GET", f"/parrot/runs/{answer.headers['X-Run-ID']}", stream=True)
    assert next(run.iter_lines()) == first
    for one in (answer, run):
        one.close()


def test_a_run_can_be_waited_for(alice: Caller) -> None:
    assert alice.ask("POST", "/parrot/say", json={"text": "Hi"}).json()["said"].startswith("word0")


def test_a_client_that_leaves_ends_its_run_if_the_plugin_says_so(server: AgentOSServer, alice: Caller) -> None:
    answer = alice.ask("POST", "/parrot/start", json={"text": "Hi"}, stream=True)
    next(answer.iter_lines())
    answer.close()
    run_id = answer.headers["X-Run-ID"]
    server.wait_for(lambda: "cancelled" in alice.ask("GET", f"/parrot/runs/{run_id}").text, 10, "done with that run")


def test_a_door_has_its_own_form_of_errors(server: AgentOSServer, alice: Caller) -> None:
    assert list(requests.get(f"{server.url}/squawk/here", timeout=30).json()) == ["squawk"]
    refused = alice.ask("GET", "/squawk/nothing")
    assert (refused.status_code, list(refused.json())) == (404, ["squawk"])
    assert refused.headers["X-Request-ID"]
    assert alice.ask("GET", "/nothing").json()["code"] == "NOT_FOUND"


def test_the_plugin_is_in_the_document_in_the_list_and_in_the_log(server: AgentOSServer, alice: Caller) -> None:
    texts = {answer.text for answer in both_workers(lambda: requests.get(f"{server.url}/openapi.yaml", timeout=30))}
    assert len(texts) == 1
    assert "/parrot/speak:" in texts.pop()
    reader = Caller(server, "alice", "agents:read")
    (found,) = [one for one in reader.ask("GET", "/api/v1/plugins").json()["plugins"] if one["name"] == "parrot"]
    assert (found["status"], found["version"]) == ("loaded", "1.0")
    assert found["provides"] == ["routes:parrot", "routes:squawk"]
    answer = alice.ask("POST", "/parrot/say", json={"text": "Hi"})
    id = answer.headers["X-Request-ID"]

    def lines() -> list[dict[str, Any]]:
        return [one for one in server.records() if one.get("request_id") == id and one["message"] == "request"]

    server.wait_for(lines, what="done with the request's line in its log")
    (line,) = lines()
    assert line["caller"].startswith("key:")
    assert line["run_id"]


def test_many_tenants_at_once_get_their_own(alice: Caller, bob: Caller) -> None:
    found: list[str] = []

    def speak(caller: Caller) -> None:
        found.append(caller.ask("POST", "/parrot/speak", json={"text": "Hi"}).text.splitlines()[-1])

    threads = [threading.Thread(target=speak, args=(caller,)) for caller in (alice, bob) * 6]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == ["completed alice"] * 6 + ["completed bob"] * 6
