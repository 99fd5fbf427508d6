"""What the server has of the plugin."""

from typing import ClassVar

import agentos_pydantic_ai

from parts.guest_adapter import GuestAdapterPlugin


class TestPydanticAI(GuestAdapterPlugin):
    plugin = agentos_pydantic_ai
    name = "pydantic-ai"
    framework = "pydantic_ai"
    environment: ClassVar = {"PYDANTIC_AI_NO_BANNER": "1"}
    imports: ClassVar = {"agentos_guest", "pydantic_ai", "pydantic_core"}
