"""How each server is asked for the same: a new session, a run in it, a streamed run in it."""

from __future__ import annotations

import json
import uuid
from abc import ABC, abstractmethod
from typing import Any
from urllib.parse import urlencode

import requests

from benchmarks.stub import TEXT

INPUT = "What is the weather in San Francisco?"
SAID = TEXT * 10
"""What the model answers."""


class Api(ABC):
    """A server's API, as far as it is measured. An agent has the name of its model."""

    content_type = "application/json"

    @abstractmethod
    def session(self, url: str, agent: str) -> str:
        """Make a session that nothing was said in, and return its id."""

    @abstractmethod
    def run(self, agent: str, session: str) -> tuple[str, str]:
        """Return the path and the body that ask for a run and its answer in one document."""

    @abstractmethod
    def stream(self, agent: str, session: str) -> tuple[str, str]:
        """Return the path and the body that ask for a run that sends its tokens as the model says them."""


class AgentOSApi(Api):
    """This server."""

    def session(self, url: str, agent: str) -> str:
        """Make a session of the agent."""
        return str(_post(f"{url}/api/v1/sessions", {"agent_id": agent})["session_id"])

    def run(self, agent: str, session: str) -> tuple[str, str]:
        """Ask for a run."""
        return f"/api/v1/agents/{agent}/run", json.dumps({"input": INPUT, "session_id": session})

    def stream(self, agent: str, session: str) -> tuple[str, str]:
        """Ask for its events."""
        return f"/api/v1/agents/{agent}/run/stream", json.dumps({"input": INPUT, "session_id": session})


class AgnoApi(Api):
    """Agno's AgentOS, which takes forms, and makes a session when it is first run in."""

    content_type = "application/x-www-form-urlencoded"

    def session(self, url: str, agent: str) -> str:  # noqa: ARG002 - the first run makes it
        """Think of a name."""
        return str(uuid.uuid4())

    def run(self, agent: str, session: str) -> tuple[str, str]:
        """Ask for a run."""
        return self._ask(agent, session, stream="false")

    def stream(self, agent: str, session: str) -> tuple[str, str]:
        """Ask for its events."""
        return self._ask(agent, session, stream="true")

    def _ask(self, agent: str, session: str, *, stream: str) -> tuple[str, str]:
        return f"/agents/{agent}/runs", urlencode({"message": INPUT, "session_id": session, "stream": stream})


class LangGraphApi(Api):
    """LangGraph Server. Its sessions are threads."""

    def session(self, url: str, agent: str) -> str:  # noqa: ARG002 - a thread is of no graph
        """Make a thread."""
        return str(_post(f"{url}/threads", {})["thread_id"])

    def run(self, agent: str, session: str) -> tuple[str, str]:
        """Ask for a run and wait for it."""
        return f"/threads/{session}/runs/wait", self._body(agent)

    def stream(self, agent: str, session: str) -> tuple[str, str]:
        """Ask for the model's messages piece by piece."""
        return f"/threads/{session}/runs/stream", self._body(agent, stream_mode="messages-tuple")

    def _body(self, agent: str, **more: str) -> str:
        messages = [{"role": "user", "content": INPUT}]
        return json.dumps({"assistant_id": agent, "input": {"messages": messages}, **more})


class AdkApi(Api):
    """Google ADK's API server. An application has one agent, and the name of a directory, which allows no hyphens."""

    def session(self, url: str, agent: str) -> str:
        """Make a session of the application."""
        return str(_post(f"{url}/apps/{self._app(agent)}/users/user/sessions", {})["id"])

    def run(self, agent: str, session: str) -> tuple[str, str]:
        """Ask for a run."""
        return "/run", self._body(agent, session, streaming=False)

    def stream(self, agent: str, session: str) -> tuple[str, str]:
        """Ask for its events, with the model's pieces among them."""
        return "/run_sse", self._body(agent, session, streaming=True)

    def _app(self, agent: str) -> str:
        return agent.partition("-")[0]

    def _body(self, agent: str, session: str, *, streaming: bool) -> str:
        message = {"role": "user", "parts": [{"text": INPUT}]}
        whose = {"app_name": self._app(agent), "user_id": "user", "session_id": session}
        return json.dumps({**whose, "new_message": message, "streaming": streaming})


class OpenAIApi(Api):
    """Chat Completions, where the client keeps the conversation and sends all of it each time.

    So the session is an empty one, and a run has ``turns`` in its messages.
    """

    def __init__(self, *, turns: int) -> None:
        self._earlier = [{"role": "user", "content": INPUT}, {"role": "assistant", "content": SAID}] * turns

    def session(self, url: str, agent: str) -> str:  # noqa: ARG002 - there is none
        """Return nothing: no server knows of it."""
        return ""

    def run(self, agent: str, session: str) -> tuple[str, str]:  # noqa: ARG002
        """Ask for the next answer."""
        return self._ask(agent, self._earlier, stream=False)

    def stream(self, agent: str, session: str) -> tuple[str, str]:  # noqa: ARG002
        """Ask for the first answer, in pieces."""
        return self._ask(agent, [], stream=True)

    def _ask(self, agent: str, earlier: list[dict[str, str]], *, stream: bool) -> tuple[str, str]:
        messages = [*earlier, {"role": "user", "content": INPUT}]
        return "/v1/chat/completions", json.dumps({"model": agent, "messages": messages, "stream": stream})


def _post(url: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = requests.post(url, json=body, timeout=60)
    answer.raise_for_status()
    return dict(answer.json())
