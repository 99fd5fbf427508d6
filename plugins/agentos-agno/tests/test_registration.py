"""What the server has of the plugin."""

from typing import ClassVar

import agentos_agno

from parts.guest_adapter import GuestAdapterPlugin


class TestAgno(GuestAdapterPlugin):
    plugin = agentos_agno
    name = "agno"
    framework = "agno"
    environment: ClassVar = {"AGNO_TELEMETRY": "false"}
    imports: ClassVar = {"agentos_guest", "agno", "pydantic"}
