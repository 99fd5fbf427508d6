"""The model provider: a chat-completions client in front of the shared server."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

from agentos import (
    Arrival,
    Cancellation,
    ChatCompletions,
    ContextTooLong,
    ModelProvider,
    ModelRequest,
    ProviderError,
    ProviderUnavailable,
)
from agentos_local.directory import ServerState
from agentos_local.shared_server import SharedServer
from agentos_local.weights import find_weights

logger = logging.getLogger(__name__)

MAX_TOKENS = 256
"""Small models ramble: an answer ends here unless the agent's parameters say otherwise."""
OUTPUT_LIMITS = frozenset({"max_output_tokens", "max_tokens", "max_completion_tokens"})
# As the model's own documentation recommends; llama.cpp's defaults are too hot for a model of this size.
SAMPLING: Mapping[str, Any] = {"temperature": 0.2, "top_p": 0.9}

TOO_LONG = re.compile(r"request \((\d+) tokens\) exceeds the available context size \((\d+) tokens\)")
"""llama.cpp's refusal; its own advice is not for an agent's user."""


class LocalProvider(ModelProvider):
    """Answers from a model on this machine: the shared server's, or the one at ``url`` (``AGENTOS_LOCAL_URL``).

    Tools are sent only where the agent's parameters ask with a ``tool_choice``: a model of this size calls every
    tool that it gets, at every turn.
    """

    def __init__(
        self,
        *,
        token_timeout: float,
        url: str | None = None,
        api_key: str | None = None,
        model_path: str | None = None,
        shared: SharedServer | None = None,
    ) -> None:
        self._token_timeout = token_timeout
        self._url = url
        self._api_key = api_key
        self._model_path = model_path
        self._lock = threading.Lock()
        self._shared = shared
        self._state: ServerState | None = None
        self._client: ChatCompletions | None = None

    def stream(self, request: ModelRequest) -> Iterator[Arrival]:
        """Call the model, after starting the shared server where it does not run yet."""
        request = _tamed(request)
        if self._url:
            yield from self._client_of_url(self._url).stream(request)
            return
        shared = self._shared_server()
        if request.model != shared.weights.name:
            raise ProviderError(
                f"local model {request.model!r} does not exist; 'local:{shared.weights.name}' is what is installed here"
            )
        state = shared.connect(deadline=request.deadline, cancellation=request.cancellation)
        try:
            yield from self._client_of(state).stream(request)
        except ContextTooLong as error:
            if (tokens := TOO_LONG.search(error.message)) is None:
                raise
            raise ContextTooLong(
                f"the conversation has {tokens[1]} tokens, and local:{request.model} takes {tokens[2]}: start a new"
                " session, or lower the agent's history_turns"
            ) from error
        except (ProviderError, ProviderUnavailable):
            shared.replace_if_broken(state)
            raise

    def model_names(self) -> list[str]:
        """Return the model that is installed, if one is; a server of your own has names that only it knows."""
        try:
            return [] if self._url or not _has_llama_cpp() else [find_weights(self._model_path).name]
        except ProviderError:
            return []

    def check(self) -> str:
        """Start the server if need be, and say which model it serves and what to expect of it."""
        if self._url:
            return f"uses the server that AGENTOS_LOCAL_URL names: {self._url}"
        shared = self._shared_server()
        state = shared.connect(deadline=time.monotonic() + 30, cancellation=Cancellation())
        return f"local:{state.model}: {shared.weights.description}; served by process {state.pid}"

    def close(self) -> None:
        """Stop using the server, which ends when no other process uses it."""
        with self._lock:
            client, self._client, self._state = self._client, None, None
            shared, self._shared = self._shared, None
        if client is not None:
            client.close()
        if shared is not None:
            shared.close()

    def _shared_server(self) -> SharedServer:
        with self._lock:
            if self._shared is None:
                if not _has_llama_cpp():
                    raise ProviderError("local models need llama.cpp: run `pip install xllamacpp==0.2.12`")
                weights = find_weights(self._model_path)
                logger.warning("local:%s is %s", weights.name, weights.description)
                self._shared = SharedServer(weights)
            return self._shared

    def _client_of(self, state: ServerState) -> ChatCompletions:
        with self._lock:
            if self._client is None or state != self._state:
                if self._client is not None:
                    self._client.close()
                self._state = state
                self._client = self._new_client(f"{state.url}/v1", state.key)
            return self._client

    def _client_of_url(self, url: str) -> ChatCompletions:
        with self._lock:
            if self._client is None:
                self._client = self._new_client(url, self._api_key)
            return self._client

    def _new_client(self, base_url: str, key: str | None) -> ChatCompletions:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return ChatCompletions(base_url, headers, token_timeout=self._token_timeout)


def _has_llama_cpp() -> bool:
    return find_spec("xllamacpp") is not None


def _tamed(request: ModelRequest) -> ModelRequest:
    """Return the request as a small model can bear it."""
    parameters = {**SAMPLING, **request.parameters}
    if not OUTPUT_LIMITS & parameters.keys():
        parameters["max_output_tokens"] = MAX_TOKENS
    if not request.tools or parameters.get("tool_choice") in (None, "none"):
        parameters.pop("tool_choice", None)
        return replace(request, parameters=parameters, tools=())
    # An answer that has to be a tool call cannot follow the schema of the output as well.
    return replace(request, parameters=parameters, output_schema=None)
