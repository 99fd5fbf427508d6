"""A server's plugin by itself, without processes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from agentos_metrics import MetricsPlugin


@pytest.fixture
def metrics() -> Iterator[MetricsPlugin]:
    plugin = MetricsPlugin()
    yield plugin
    plugin.server_stop()
