"""What the server has of the plugin."""

from typing import ClassVar

import agentos_openai_agents

from parts.guest_adapter import GuestAdapterPlugin


class TestOpenAIAgents(GuestAdapterPlugin):
    plugin = agentos_openai_agents
    name = "openai-agents"
    framework = "agents.run_state"
    environment: ClassVar = {"OPENAI_AGENTS_DISABLE_TRACING": "true"}
    imports: ClassVar = {"agentos_guest", "agents", "openai", "pydantic"}
