"""Plugins bring adapters for guest processes, and guests."""

from pathlib import Path
from typing import Any

import pytest

from agentos import Guest, hookimpl
from agentos.plugins.manager import PluginReport


class Brings:
    def __init__(self, *given: Any, **named: Any) -> None:
        self.given, self.named = given, named

    @hookimpl
    def register_guest_adapters(self, register: Any) -> None:
        register(*self.given, **self.named)


class BringsAGuest:
    @hookimpl
    def register_agents(self, register: Any) -> None:
        register(Guest("support.agents:triage", name="Triage"), id="triage")


def report(serve, plugin: object) -> PluginReport:
    return serve(plugins={"office": plugin}).services.plugins.report("office")


def test_an_adapter_is_reported(serve) -> None:
    found = report(serve, Brings("parley", Path(__file__), framework="parley", environment={"PARLEY": "off"}))
    assert (found.status, found.provides) == ("loaded", ["guest adapter:parley"])


def test_a_package_may_be_an_adapter(serve, tmp_path: Path) -> None:
    (tmp_path / "__init__.py").touch()
    assert report(serve, Brings("parley", tmp_path, framework="parley")).status == "loaded"


@pytest.mark.parametrize(
    ("given", "named", "expected"),
    [
        (("Par ley", Path(__file__)), {}, "guest adapter 'Par ley': accepted are 1 to 32 of small letters"),
        (("parley", Path("/nowhere.py")), {}, "'/nowhere.py' is neither a file nor a folder with __init__.py"),
        (("parley", Path(__file__).parent), {}, "is neither a file nor a folder with __init__.py"),
        (("parley", Path(__file__)), {"framework": "par-ley"}, "framework is 'par-ley'; accepted is the name of a mod"),
        (("parley", Path(__file__)), {"environment": {"A B": "c"}}, "environment has 'A B': 'c'; accepted are names"),
        (("parley", Path(__file__)), {"environment": {"A": 1}}, "environment has 'A': 1; accepted are names"),
    ],
)
def test_an_adapter_that_cannot_be_is_refused(serve, given: Any, named: Any, expected: str) -> None:
    found = report(serve, Brings(*given, **{"framework": "parley", **named}))
    assert (found.status, found.provides) == ("failed", [])
    assert expected in str(found.error)


def test_two_adapters_of_one_name_are_refused(serve) -> None:
    one = Brings("parley", Path(__file__), framework="parley")
    two = Brings("parley", Path(__file__), framework="parley")
    error = serve(plugins={"one": one, "two": two}).services.plugins.report("two").error
    assert str(error).startswith("guest adapter 'parley' of 'two' is already there: 'one' registered it")


def test_a_plugin_may_bring_a_guest(serve) -> None:
    served = serve(plugins={"office": BringsAGuest()})
    assert served.services.plugins.report("office").provides == ["agent:triage"]
    assert served.client.get("/api/v1/agents/triage").json["source"] == "office"
