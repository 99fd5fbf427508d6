"""Anthropic's Messages API at ``/v1``: every agent is a model for the clients that speak it."""

from __future__ import annotations

from agentos import WAITING_TEXT, RegisterRoutes, RegisterSetting, hookimpl, kinds


@hookimpl
def register_settings(register: RegisterSetting) -> None:
    """Register the settings: for clients that name their conversations, and for runs that wait for a person."""
    register(
        "anthropic_user_id_sessions",
        kinds.FLAG,
        False,
        "Whether `metadata.user_id` names a conversation, which then is a session of the server. For clients that send"
        " another one with each conversation, as Claude Code does.",
    )
    register(
        "anthropic_waiting_text",
        kinds.or_none(kinds.TEXT),
        WAITING_TEXT,
        "What ends the answer of a run that waits for a person. `{waiting}` says what for, a line for each, `{run_id}`"
        " is the run's id, and `\\n` a new line. `none`: no text.",
    )


@hookimpl
def register_routes(register: RegisterRoutes) -> None:
    """Register the operations."""
    # Late: commands that serve nothing load no web framework. Importing a module declares its operations.
    from agentos_anthropic_api import count_routes, message_routes, model_routes  # noqa: F401
    from agentos_anthropic_api.routes import routes

    register(routes)
