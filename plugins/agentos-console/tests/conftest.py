"""A server with the console, for each test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from agentos import Agent
from agentos.testing import AgentClient

Console = Callable[..., AgentClient]

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
"""What browsers send when an address is typed."""


@pytest.fixture
def console(agentos_app: Callable[..., Flask]) -> Console:
    def make(**settings: Any) -> AgentClient:
        agents = [Agent(id="secret-project", model="test:model", instructions="Tell nobody.")]
        # A plugin's settings come from the environment or the file.
        own = [name for name in settings if name.startswith("console_")]
        environ = {f"AGENTOS_{name.upper()}": settings.pop(name) for name in own}
        app = agentos_app(agents, installed=["console"], environ=environ, **settings)
        return AgentClient(app, Flask.response_class)

    return make
