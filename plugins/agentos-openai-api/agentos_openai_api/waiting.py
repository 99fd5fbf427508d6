"""The text that clients are shown of a run that waits for a person."""

from __future__ import annotations

from agentos.web import server


def waiting_template() -> str | None:
    """Return the text that the deployment wants; ``None`` where clients are shown none."""
    template: str | None = server().config.plugin_settings["openai_waiting_text"]
    return template
