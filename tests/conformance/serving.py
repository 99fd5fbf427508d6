"""The server of a suite: two workers of gunicorn on a new SQLite file, with keys of two tenants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from agentos_testing import Serve, ServerProcess

from conformance.catalogue import Suite

KEYS = {
    "AGENTOS_CONFORMANCE_KEY": ("ada", ()),
    "AGENTOS_CONFORMANCE_OTHER_KEY": ("ben", ()),
    # May read runs and nothing else.
    "AGENTOS_CONFORMANCE_READING_KEY": ("ada", ("runs:read",)),
    # May approve calls of tools, which a client may not.
    "AGENTOS_CONFORMANCE_APPROVING_KEY": ("ada", ("runs:read", "runs:approve")),
}
"""The variables that name a key to the tests: the tenant that it is of, and its scopes if it has not a client's."""


@contextmanager
def served(suite: Suite, folder: Path) -> Iterator[Mapping[str, str]]:
    """Serve until the end of the block. Yields what the tests have in their environment to find the server."""
    module = f"conformance.agents.{suite.agents}" if suite.agents else None
    settings = {"AGENTOS_AUTH": "api_key", "AGENTOS_RATE_LIMIT": "none", **suite.env}
    with Serve(folder) as serve:
        server = serve(
            agents=module,
            plugins={"conformance": module} if module else {},
            installed=suite.plugins,
            workers=2,
            env=settings,
        )
        yield {
            "AGENTOS_CONFORMANCE_URL": server.url,
            "AGENTOS_CONFORMANCE_LOG": str(server.log_file),
            **_keys(server),
        }
        server.stop()


def _keys(server: ServerProcess) -> dict[str, str]:
    # Each is made by a process of its own.
    with ThreadPoolExecutor() as threads:
        callers = threads.map(lambda given: server.as_caller(*given), KEYS.values())
        return {
            variable: caller.headers["Authorization"].removeprefix("Bearer ")
            for variable, caller in zip(KEYS, callers, strict=True)
        }
