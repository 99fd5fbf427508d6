"""The fixtures. What they need is imported when a test asks for one of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from agentos import ScriptedProvider
    from agentos.testing import AgentClient
    from agentos_testing.applications import Applications
    from agentos_testing.serving import Serve


@pytest.fixture
def scripted() -> ScriptedProvider:
    """Return a model that says what the test writes, in the place of those that the agents of ``agentos_app`` name.

    ``scripted.say("Hello")`` sets its answers, one a call; ``scripted.requests`` is what it was asked. Until the test
    says something, each run fails with an error that says so.
    """
    from agentos_testing.applications import silent_model

    return silent_model()


@pytest.fixture
def agentos_app(scripted: ScriptedProvider) -> Iterator[Applications]:
    """Make Flask applications of AgentOS with memory storage, each as the test configures it.

    ``agentos_app(agents=[shop], tools=[…], plugins={"mine": plugin}, auth=["api_key"])`` returns one; further keywords
    are settings. They end with the test.
    """
    from agentos_testing.applications import Applications

    with Applications(scripted) as applications:
        yield applications


@pytest.fixture
def agentos_client(agentos_app: Applications) -> AgentClient:
    """Return a Flask test client of the application that the test made last; it speaks the API's JSON and streams.

    A test that makes none gets one with the agent ``scripted``.
    """
    from agentos_testing.applications import LateClient

    return LateClient(agentos_app)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start real servers, gunicorn with its workers, each in processes of its own; they end with the test.

    ``serve("server.py")`` serves the program's ``server``, ``serve(agents="shop")`` the agents of a module. Both return
    a :class:`~agentos_testing.ServerProcess`.
    """
    from agentos_testing.serving import Serve

    with Serve(tmp_path) as serve:
        yield serve
