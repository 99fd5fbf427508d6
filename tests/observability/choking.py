"""A tool that fails in a process of its own, which imports it from here."""

from agentos import tool


@tool(isolated=True)
def choke_apart(what: str) -> int:
    """Choke."""
    return int(what)
