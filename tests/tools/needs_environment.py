"""A tool whose module wants a secret of the environment, which the process of an isolated tool does not have."""

import os

from agentos import tool

KEY = os.environ["EXAMPLE_KEY"]


@tool(isolated=True)
def unlock() -> str:
    """Unlock something."""
    return KEY
