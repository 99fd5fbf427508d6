"""What the server has of the plugin."""

from typing import ClassVar

import agentos_langgraph

from parts.guest_adapter import GuestAdapterPlugin


class TestLangGraph(GuestAdapterPlugin):
    plugin = agentos_langgraph
    name = "langgraph"
    framework = "langchain_core"
    imports: ClassVar = {"agentos_guest", "langchain_core", "langgraph", "pydantic"}
