"""Each example of docs/reference/hooks.md does what its page says, and each hook names a plugin that uses it."""

import inspect
import re
import runpy
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from agentos import ProviderError, hookimpl, hookspecs
from agentos.testing import Fail, call
from parts.waiting import until

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "reference" / "examples"
HOOKS = [name for name, value in vars(hookspecs).items() if hasattr(value, "agentos_spec")]


def example(hook: str) -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(EXAMPLES / f"{hook}.py")))


@pytest.mark.parametrize("hook", HOOKS)
def test_each_hook_says_who_uses_it_and_that_is_so(hook: str) -> None:
    last = inspect.getdoc(getattr(hookspecs, hook)).rpartition("\n\n")[2].replace("\n", " ")  # type: ignore[union-attr]
    assert re.fullmatch(r"(Used by|Comes into use with): .+\.", last), f"{hook} ends with {last!r}"
    for name in re.findall(r"``(.+?)``", last):
        place = ROOT / name if name.endswith(".py") else ROOT / "plugins" / name / name.replace("-", "_")
        files = [place] if place.is_file() else sorted(place.rglob("*.py"))
        assert any(f"def {hook}(" in file.read_text("utf-8") for file in files), f"{name} does not use {hook}"


def test_each_hook_has_an_example_and_no_example_is_left_over() -> None:
    assert sorted(path.stem for path in EXAMPLES.glob("*.py")) == sorted(HOOKS)


def test_register_settings(serve) -> None:
    served = serve(plugins={"weather": example("register_settings")}, plugin_settings={"weather_key": "k"})
    assert served.services.config.plugin_settings == {"weather_units": "metric", "weather_key": "k"}


def test_register_agents(serve) -> None:
    served = serve(plugins={"hall": example("register_agents")})
    assert served.client.post("/api/v1/agents/clerk/run", json={"input": "Hi"}).json["content"] == "Hi"


def test_register_model_providers(serve) -> None:
    served = serve(plugins={"parrot": example("register_model_providers")}, model="parrot:grey")
    assert served.client.post("/api/v1/agents/assistant/run", json={"input": "Hi"}).json["content"] == "grey: Hi"


@pytest.mark.parametrize(
    ("hook", "named", "asked", "read"),
    [
        ("register_tools", "day_of_week", call("day_of_week", '{"date": "2027-01-31"}'), "Sunday"),
        ("register_tool_sources", "clock/now", call("clock_now"), "12:00"),
    ],
)
def test_register_tools_and_their_sources(serve, hook: str, named: str, asked: Any, read: str) -> None:
    served = serve([asked], "Done.", plugins={"tools": example(hook)}, tools=[named])
    assert served.run("Hi").json["content"] == "Done."
    assert served.provider.requests[-1].messages[-1].content == read


def test_register_guest_adapters(serve) -> None:
    served = serve(plugins={"hall": example("register_guest_adapters")})
    assert served.services.plugins.report("hall").provides == ["guest adapter:parley"]


def test_register_storage_backends(serve) -> None:
    served = serve(plugins={"scratch": example("register_storage_backends")}, database_url="scratch://here")
    assert served.run("Hi").status_code == 200


def test_register_executors(serve) -> None:
    served = serve(plugins={"one": example("register_executors")}, executor="one-by-one")
    run = served.run("Hi", background=True)
    assert run.status_code == 202
    assert served.ended(run.json["run_id"])["status"] == "completed"
    until(lambda: served.run("Hi", background=True).status_code == 202)


def test_register_signals(serve) -> None:
    plugin = example("register_signals")
    served = serve(plugins={"hall": plugin}, signals="hall://here")
    other = plugin.Hall()
    with served.services.signals.listen("run:1") as wakeup:
        other.notify("run:1")
        assert wakeup.wait(1)
    served.services.close()
    assert plugin.everywhere == {other}
    other.close()


def test_register_rate_limit_stores(serve) -> None:
    plugin = example("register_rate_limit_stores")
    settings = {"plugins": {"ledger": plugin}, "rate_limit_store": "ledger://here", "rate_limit": "3/hour"}
    servers = [serve(**settings), serve(**settings)]
    statuses = [servers[number % 2].client.get("/api/v1/agents").status_code for number in range(4)]
    assert statuses == [200, 200, 200, 429]


def test_register_jobs(serve) -> None:
    plugin = example("register_jobs")
    served = serve(plugins={"reminders": plugin})
    served.services.start()
    until(lambda: plugin.seen == ["Water the plants."])
    records = served.services.records
    until(lambda: records.get("reminders", "plants", owner="anonymous").due_at > datetime.now(UTC))


def test_register_authenticators(serve) -> None:
    served = serve(plugins={"badges": example("register_authenticators")}, auth=["badge"])
    address = "/api/v1/agents/scripted/run"
    answers = [
        served.client.post(address, json={"input": "Hi"}, headers={"X-Badge": badge} if badge else {}).status_code
        for badge in ("letmein", "nonsense", "")
    ]
    assert answers == [200, 401, 401]


def test_register_commands() -> None:
    commands: list[Any] = []
    example("register_commands").register_commands(commands.append)
    assert CliRunner().invoke(commands[0], ["Ada"]).output == "Hello Ada\n"


def test_register_routes(serve) -> None:
    served = serve(plugins={"greetings": example("register_routes")})
    assert served.app.test_client().get("/greetings").json == {"greeting": "Hello"}


def test_begin_trace(serve) -> None:
    runs: list[Any] = []
    watch = SimpleNamespace(run_finished=hookimpl(lambda run: runs.append(run)))
    served = serve("Hello", "Hello", plugins={"ids": example("begin_trace"), "watch": watch})
    mine = "0af7651916cd43dd8448eb211c80319c"
    address = "/api/v1/agents/scripted/run"
    served.client.post(address, json={"input": "Hi"}, headers={"traceparent": f"00-{mine}-b7ad6b7169203331-01"})
    served.client.post(address, json={"input": "Hi"})
    assert runs[0].trace.trace_id == mine != runs[1].trace.trace_id


def test_server_start(serve) -> None:
    plugin = example("server_start")
    served = serve(plugins={"look": plugin})
    served.services.start()
    until(lambda: "scripted" in plugin.found)
    plugin.stopped.set()


def test_server_stop(serve) -> None:
    plugin = example("server_stop")
    served = serve(plugins={"look": plugin})
    served.services.start()
    assert not plugin.stopped.is_set()
    served.services.close()
    assert plugin.stopped.is_set()


def test_before_run(serve) -> None:
    served = serve(plugins={"policy": example("before_run")})
    assert served.run("Hi").status_code == 200
    denied = served.run("my password is quokka")
    assert (denied.status_code, denied.json["message"]) == (403, "passwords must not be sent to an agent")


def test_before_model_call(serve) -> None:
    served = serve(plugins={"guard": example("before_model_call")})
    assert served.run("Hi").status_code == 200
    assert [one.content for one in served.provider.requests[0].messages] == ["You speak with anonymous.", "Hi"]
    assert served.run("this is internal only").status_code == 422


def test_before_tool_call(serve) -> None:
    def delete_file(path: str) -> str:
        """Delete a file.

        Args:
            path: Which one.
        """
        raise AssertionError("it must not be called")

    served = serve(
        [call("delete_file", '{"path": "x"}')],
        "No.",
        plugins={"policy": example("before_tool_call")},
        tools=[delete_file],
    )
    assert served.run("Hi").json["content"] == "No."
    assert "files must not be deleted" in served.provider.requests[-1].messages[-1].content


def test_run_event(serve) -> None:
    plugin = example("run_event")
    served = serve(plugins={"count": plugin}, model="scripted:echo")
    used = served.client.get(f"/api/v1/runs/{served.run('Hi').json['run_id']}").json["usage"]
    until(lambda: plugin.tokens["anonymous"] == used["prompt_tokens"] + used["completion_tokens"])


def test_call_finished(serve) -> None:
    plugin = example("call_finished")
    served = serve("Hello", [Fail(ProviderError("no"))], plugins={"count": plugin})
    assert [served.run("Hi").status_code for _ in range(2)] == [200, 502]
    until(lambda: plugin.calls == {("test:model", "completed"): 1, ("test:model", "failed"): 1})


def test_run_finished(serve) -> None:
    plugin = example("run_finished")
    served = serve("Hello", [Fail(ProviderError("no"))], plugins={"ends": plugin})
    assert [served.run("Hi").status_code for _ in range(2)] == [200, 502]
    until(lambda: plugin.ends == {("scripted", "completed"): 1, ("scripted", "EXECUTION_ERROR"): 1})


def test_request_finished(serve) -> None:
    plugin = example("request_finished")
    served = serve(plugins={"counter": plugin})
    served.client.get("/api/v1/sessions/none")
    until(lambda: plugin.answers["/api/v1/sessions/{session_id}", 404] == 1)
