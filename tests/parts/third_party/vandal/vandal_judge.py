"""A plugin that decides, and fails while the application is built: without it, what it denies would be allowed."""

from agentos import hookimpl


@hookimpl
def register_tools(register):
    raise RuntimeError("lost the rules")


@hookimpl
def before_run(request, agent):
    return None
