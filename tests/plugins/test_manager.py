"""Plugins: loading them, and living with broken ones."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from agentos import hookspecs
from agentos.errors import PluginError
from agentos.hookspecs import hookimpl
from agentos.plugins.manager import PluginManager, PluginReport
from agentos.plugins.observers import Observers
from agentos.registry import Registry


class _Good:
    @hookimpl
    def register_tools(self, register) -> None:
        register("good")


class _Broken:
    @hookimpl
    def register_tools(self, register) -> None:
        register("half")
        raise RuntimeError("no licence")


class _Misspelled:
    @hookimpl
    def register_tool(self, register) -> None:
        register("never")


def _registered(manager: PluginManager) -> Registry[str]:
    registry: Registry[str] = Registry("tool")
    manager.on_removal(registry.remove_source)

    def register(report: PluginReport, name: str) -> None:
        registry.add(name, name, source=report.name)

    manager.call("register_tools", register)
    return registry


def test_each_plugin_registers_under_its_own_name() -> None:
    manager = PluginManager(hookspecs)
    manager.add("good", _Good())
    assert [(entry.name, entry.source) for entry in _registered(manager)] == [("good", "good")]


def test_a_broken_plugin_is_skipped_with_all_that_it_registered_and_the_others_work() -> None:
    manager = PluginManager(hookspecs)
    manager.add("broken", _Broken())
    manager.add("good", _Good())

    assert _registered(manager).names() == ["good"]
    reports = {report.name: report for report in manager.reports}
    assert reports["broken"].status == "failed"
    assert reports["broken"].error == "RuntimeError: no licence"
    assert reports["good"].status == "loaded"


def test_a_broken_plugin_stops_the_start_when_strict() -> None:
    manager = PluginManager(hookspecs, strict=True)
    manager.add("broken", _Broken())
    with pytest.raises(PluginError, match="'broken' is broken: RuntimeError: no licence"):
        _registered(manager)


def test_a_misspelled_hook_is_an_error_that_names_it() -> None:
    manager = PluginManager(hookspecs)
    manager.add("typo", _Misspelled())
    (report,) = manager.reports
    assert report.status == "failed"
    assert "register_tool" in (report.error or "")


async def _coroutine(self, run) -> None: ...


def _generator(self, run) -> Iterator[None]:
    yield


def _wrapper(self, run) -> Iterator[None]:
    yield


@pytest.mark.parametrize("hook", [hookimpl(_coroutine), hookimpl(_generator), hookimpl(_wrapper, wrapper=True)])
def test_a_hook_that_would_do_nothing_is_an_error_that_names_it(hook: object) -> None:
    manager = PluginManager(hookspecs)
    manager.add("idle", type("Idle", (), {"run_finished": hook})())
    (report,) = manager.reports
    assert report.status == "failed"
    assert "its hook run_finished is a coroutine, a generator or a wrapper; accepted" in (report.error or "")


def test_two_plugins_with_one_name_of_a_thing_are_both_named() -> None:
    manager = PluginManager(hookspecs, strict=True)
    manager.add("first", _Good())
    manager.add("second", _Good())
    with pytest.raises(PluginError, match="'good' of 'second' is already there: 'first'"):
        _registered(manager)


def test_an_observer_that_fails_stops_neither_the_others_nor_the_caller(caplog: pytest.LogCaptureFixture) -> None:
    class Failing:
        @hookimpl
        def run_finished(self, run) -> None:
            raise RuntimeError("observer")

    class Watching:
        seen = None

        @hookimpl
        def run_finished(self, run) -> None:
            Watching.seen = run

    manager = PluginManager(hookspecs)
    manager.add("failing", Failing())
    manager.add("watching", Watching())
    run = SimpleNamespace(id="r")
    Observers(manager.implementations("run_finished"))(run=run)

    assert Watching.seen is run
    assert "observer failed" in caplog.text


def test_a_plugin_that_is_named_but_not_installed_is_reported() -> None:
    manager = PluginManager(hookspecs, allowed=["no-such-plugin"])
    manager.load_installed()
    report = next(report for report in manager.reports if report.name == "no-such-plugin")
    assert report.status == "failed"
    assert "not installed" in (report.error or "")


@pytest.fixture
def spy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An installed plugin, of which ``sys.modules`` says whether it was imported."""
    (tmp_path / "plugin_spy.py").write_text("")
    information = tmp_path / "agentos_spy-1.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: agentos-spy\nVersion: 1\n")
    (information / "entry_points.txt").write_text("[agentos]\nspy = plugin_spy\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "plugin_spy"
    sys.modules.pop("plugin_spy", None)


@pytest.mark.parametrize(("allowed", "imported"), [(["core"], False), ([], False), (["spy"], True), (None, True)])
def test_a_plugin_that_is_not_allowed_is_not_even_imported(spy: str, allowed: list[str] | None, imported: bool) -> None:
    manager = PluginManager(hookspecs, allowed=allowed)
    manager.load_installed()

    assert (spy in sys.modules) is imported
    report = next(report for report in manager.reports if report.name == "spy")
    assert report.status == ("loaded" if imported else "left out")
    assert report.distribution == "agentos-spy"
