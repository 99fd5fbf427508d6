"""Finds model servers on this machine: Ollama, LM Studio and llama.cpp on their usual ports of 127.0.0.1."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from agentos.domain.text import one_line
from agentos.http.client import HTTPClient
from agentos.http.connection import CONNECTION_FAILURES

PORTS = {"Ollama": 11434, "LM Studio": 1234, "llama.cpp": 8080}
"""The ports that these servers have without settings. llama.cpp's is ours too."""

HOST = "127.0.0.1"
SECONDS = 3.0
MOST_BYTES = 1024**2
SHOWN = 8
"""Models of one server that are named."""


@dataclass(frozen=True, slots=True)
class ModelServer:
    """A server that answered, and the names of its models."""

    name: str
    port: int
    models: Sequence[str]

    @property
    def url(self) -> str:
        """What ``OPENAI_BASE_URL`` has to be."""
        return f"http://{HOST}:{self.port}/v1"

    @property
    def description(self) -> str:
        """The models, and the two settings that use one, in a line."""
        if not self.models:
            return f"{self.url} has no model yet; load one there"
        more = f" and {len(self.models) - SHOWN} more" if len(self.models) > SHOWN else ""
        # A model for embeddings is listed too, but does not chat.
        example = next((name for name in self.models if "embed" not in name.lower()), self.models[0])
        return (
            f"{self.url} has {', '.join(self.models[:SHOWN])}{more}; to use one:"
            f" OPENAI_BASE_URL={self.url} AGENTOS_MODEL=openai:{example}"
        )


def usual_ports(environ: Mapping[str, str] = os.environ) -> dict[str, int]:
    """Return where the servers are looked for; ``OLLAMA_HOST``, Ollama's own variable, may name another port."""
    match = re.search(r":([0-9]{1,5})/?$", environ.get("OLLAMA_HOST", ""))
    return {**PORTS, "Ollama": int(match[1])} if match and int(match[1]) <= 65535 else PORTS


def find_model_servers(ports: Mapping[str, int]) -> list[ModelServer]:
    """Ask each of these ports for its models, all at once. What does not answer like a model server is left out."""
    with ThreadPoolExecutor(len(ports)) as pool:
        found = pool.map(_ask, ports.items())
    return [server for server in found if server is not None]


def _ask(place: tuple[str, int]) -> ModelServer | None:
    name, port = place
    health = _get(port, "/health")
    if isinstance(health, dict) and health.get("service") == "agentos":
        return None  # This is us: our models are those of the providers.
    listed = _get(port, "/v1/models")
    if not isinstance(listed, dict) or not isinstance(listed.get("data") or [], list):
        return None
    names = [entry.get("id") for entry in listed.get("data") or [] if isinstance(entry, dict)]
    return ModelServer(name, port, [one_line(name, 100) for name in names if isinstance(name, str) and name])


def _get(port: int, path: str) -> Any:
    """Return the JSON at a path, or ``None``. No proxy of the environment stands between."""
    client = HTTPClient(f"http://{HOST}:{port}", silence=SECONDS, max_idle=0, proxies=False)
    try:
        status, body = client.get(path, {}, seconds=SECONDS, limit=MOST_BYTES)
        return json.loads(body) if status == 200 else None
    except (*CONNECTION_FAILURES, ValueError, RecursionError):
        return None
