"""A plugin that registers a default that its own kind does not accept."""

from agentos import hookimpl, kinds


def tag() -> str:
    """Spray a tag."""
    return "tag"


@hookimpl
def register_settings(register):
    register("vandal_settings_cans", kinds.whole(1, 3), 7, "Cans of paint.")


@hookimpl
def register_tools(register):
    register(tag)
