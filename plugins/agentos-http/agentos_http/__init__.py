"""The tools ``http_get``, ``http_post``, ``http_put`` and ``http_delete``: the public web, and nothing else."""

from __future__ import annotations

from agentos import hookimpl
from agentos.hookspecs import RegisterTool


@hookimpl
def register_tools(register: RegisterTool) -> None:
    """Register the tools with the host policy and limits of the environment."""
    from agentos_http.settings import client_from
    from agentos_http.tools import HttpTools

    register(HttpTools(client_from()))
