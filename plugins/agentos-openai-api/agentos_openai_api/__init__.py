"""OpenAI's HTTP API at ``/v1``: every agent is a model for the clients that speak it."""

from __future__ import annotations

from agentos import WAITING_TEXT, RegisterRoutes, RegisterSetting, hookimpl, kinds


@hookimpl
def register_settings(register: RegisterSetting) -> None:
    """Register the settings: for clients that name their chats, and for runs that wait for a person."""
    register(
        "openai_chat_id_headers",
        kinds.NAMES,
        "X-OpenWebUI-Chat-Id",
        "Headers in which clients of chat completions send their own id of a chat; the first one that is there counts.",
    )
    register(
        "openai_waiting_text",
        kinds.or_none(kinds.TEXT),
        WAITING_TEXT,
        "What ends the answer of a run that waits for a person. `{waiting}` says what for, a line for each, `{run_id}`"
        " is the run's id, and `\\n` a new line. `none`: no text.",
    )


@hookimpl
def register_routes(register: RegisterRoutes) -> None:
    """Register the operations."""
    # Late: commands that serve nothing load no web framework. Importing a module declares its operations.
    from agentos_openai_api import model_routes  # noqa: F401
    from agentos_openai_api.chat import routes as chat_routes  # noqa: F401
    from agentos_openai_api.conversations import routes as conversation_routes  # noqa: F401
    from agentos_openai_api.responses import not_offered  # noqa: F401
    from agentos_openai_api.responses import routes as response_routes  # noqa: F401
    from agentos_openai_api.routes import routes

    register(routes)
