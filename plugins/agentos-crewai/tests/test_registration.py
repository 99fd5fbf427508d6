"""What the server has of the plugin."""

from typing import ClassVar

import agentos_crewai

from parts.guest_adapter import GuestAdapterPlugin


class TestCrewAI(GuestAdapterPlugin):
    plugin = agentos_crewai
    name = "crewai"
    framework = "crewai"
    environment: ClassVar = {
        "CREWAI_DISABLE_TELEMETRY": "true",
        "CREWAI_TRACING_ENABLED": "false",
        "CREWAI_DISABLE_VERSION_CHECK": "true",
    }
    imports: ClassVar = {"agentos_guest", "crewai"}
