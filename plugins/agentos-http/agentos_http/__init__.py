"""The tools ``http_get``, ``http_post``, ``http_put`` and ``http_delete``: the public web, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentos import RegisterSetting, RegisterTool, hookimpl

if TYPE_CHECKING:
    from agentos import Config


@hookimpl
def register_settings(register: RegisterSetting) -> None:
    """Register the host policy and the limits."""
    from agentos_http.settings import register_rows

    register_rows(register)


@hookimpl
def register_tools(register: RegisterTool, config: Config) -> None:
    """Register the tools with the policy and limits of the settings."""
    from agentos_http.settings import client_from
    from agentos_http.tools import HttpTools

    register(HttpTools(client_from(config.plugin_settings)))
