"""Serves the demo as it is deployed: gunicorn with two workers, on a new SQLite file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points

from agentos_testing import HttpClient, Serve, ServerProcess

INSTALLED = ("console", "calculator", "openai-api", "metrics", "tool-policy")
"""The plugins beside the demo, where they are installed."""

CLIENT = ("agents:read", "agents:run", "sessions:read", "sessions:write", "runs:read", "runs:cancel")

KEYS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "admin": ("ada", ("admin",)),
    # What a person needs who works with agents, and may decide what his own runs wait for.
    "ada": ("ada", (*CLIENT, "agents:write", "runs:approve")),
    "ben": ("ben", ()),
    # May look at runs and sessions, and nothing else.
    "reader": ("ada", ("agents:read", "runs:read", "sessions:read")),
    # May decide about the runs of others, and sees nothing else of them.
    "approver": ("cleo", ("runs:approve:any",)),
}
"""Names of keys, and of each the tenant and the scopes; without scopes, it has those of a client."""


@dataclass(frozen=True)
class Demo:
    """A server of the demo, and its keys by their names; without authentication there are none."""

    server: ServerProcess
    keys: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.server.url

    def bearer(self, name: str) -> dict[str, str]:
        """Return the headers with a key; none without authentication."""
        return {"Authorization": f"Bearer {self.keys[name]}"} if self.keys else {}

    def client(self, name: str = "ada") -> HttpClient:
        """Return a client of the API with this key."""
        return HttpClient(self.url, self.bearer(name))


def serve_demo(
    serve: Serve,
    *,
    keys: bool = False,
    model: bool = False,
    port: int = 0,
    workers: int = 2,
    env: Mapping[str, str] | None = None,
) -> Demo:
    """Start it; ``model`` brings the small local model, ``keys`` authentication and a key of each kind."""
    settings = {
        "AGENTOS_ADDRESS": f"127.0.0.1:{port}",
        "AGENTOS_RATE_LIMIT": "none",
        "AGENTOS_SEARCH": "1",
        # A worker that is killed is noticed within seconds.
        "AGENTOS_LEASE_SECONDS": "5",
        **({"AGENTOS_AUTH": "api_key"} if keys else {}),
        **({"AGENTOS_MODEL": "local:smollm2"} if model else {"AGENTOS_MODEL": "demo:guide"}),
        **(env or {}),
    }
    there = {point.name for point in entry_points(group="agentos")}
    installed = [name for name in (*INSTALLED, *(("local",) if model else ())) if name in there]
    server = serve(plugins={"demo": "browser.demo"}, installed=installed, workers=workers, env=settings)
    return Demo(server, _made(server) if keys else {})


def _made(server: ServerProcess) -> dict[str, str]:
    # The command line makes the first, which takes a process; that key makes the others.
    admin = server.as_caller(*KEYS["admin"])
    keys = {"admin": admin.headers["Authorization"].removeprefix("Bearer ")}
    for name, (owner, scopes) in KEYS.items():
        if name not in keys:
            wanted = {"name": f"{owner}'s {name}", "owner": owner, "scopes": list(scopes or CLIENT)}
            answer = admin.post("/api/v1/keys", wanted)
            assert answer.status == 201, answer.text
            keys[name] = answer.json["key"]
    return keys
