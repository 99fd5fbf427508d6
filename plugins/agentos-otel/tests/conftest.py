"""A collector in the test's process, and a server's plugin that sends to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from agentos_otel import make_plugin
from agentos_otel.plugin import OTelPlugin

from parts.otlp_collector import Collector

Traced = Callable[..., OTelPlugin]


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


@pytest.fixture
def traced(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> Iterator[Traced]:
    """Make plugins that send to the collector, each with further variables of the environment."""
    made: list[OTelPlugin] = []

    def make(**variables: str) -> OTelPlugin:
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "20", **variables}
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        plugin = make_plugin(environ)
        assert isinstance(plugin, OTelPlugin)
        made.append(plugin)
        return plugin

    yield make
    for plugin in made:
        plugin.close()
