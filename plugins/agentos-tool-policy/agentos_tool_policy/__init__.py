"""Denies tool calls, or has people approve them, by the rules of a TOML file.

The setting ``tool_policy`` names the file; without one the plugin does nothing.
"""

from __future__ import annotations

import logging
from pathlib import Path

from agentos import Config, Denied, Pending, RegisterSetting, RegisterTool, ToolCall, ToolContext, hookimpl
from agentos_tool_policy.policy import Policy, load

logger = logging.getLogger(__name__)


class ToolPolicyPlugin:
    """Asks the policy before each tool call."""

    def __init__(self) -> None:
        self._policy: Policy | None = None

    @hookimpl
    def register_settings(self, register: RegisterSetting) -> None:
        """Register the setting that names the file."""
        register("tool_policy", str, None, "TOML file with the rules. Not set: every call is allowed.")

    @hookimpl
    def register_tools(self, register: RegisterTool, config: Config) -> None:  # noqa: ARG002 - it brings none
        """Read the rules when the server starts: one that has a bad file must not serve."""
        path = config.plugin_settings["tool_policy"]
        self._policy = load(Path(path)) if path else None

    @hookimpl
    def before_tool_call(self, call: ToolCall, context: ToolContext) -> Denied | Pending | None:
        """Let the first rule that matches decide."""
        if self._policy is None:
            return None
        decision = self._policy.decision(call, agent=context.agent_id, owner=context.owner)
        if isinstance(decision, Denied):
            logger.info(
                "tool call denied",
                extra={
                    "tool": call.name,
                    "agent_id": context.agent_id,
                    "owner": context.owner,
                    "run_id": context.run_id,
                },
            )
        return decision


plugin = ToolPolicyPlugin()
