"""pytest fixtures for AgentOS; :mod:`agentos_testing.plugin` has them, and pytest loads it by itself.

A session that uses none of them loads neither AgentOS nor Flask.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentos_testing.applications import Applications
    from agentos_testing.http_client import Answer, HttpClient
    from agentos_testing.process import ServerProcess
    from agentos_testing.serving import Serve

__all__ = ["Answer", "Applications", "HttpClient", "Serve", "ServerProcess"]


def __getattr__(name: str) -> Any:
    if name == "Applications":
        from agentos_testing.applications import Applications

        return Applications
    if name in ("Answer", "HttpClient"):
        from agentos_testing import http_client

        return getattr(http_client, name)
    if name == "ServerProcess":
        from agentos_testing.process import ServerProcess

        return ServerProcess
    if name == "Serve":
        from agentos_testing.serving import Serve

        return Serve
    raise AttributeError(f"module 'agentos_testing' has no attribute {name!r}; it has {', '.join(__all__)}")
