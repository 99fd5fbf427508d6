"""How long the loops of fault tests are: seconds in the normal suite, in full under ``make soak``."""

import os

SOAK = os.environ.get("AGENTOS_SOAK") == "1"


def full(short: int, long: int) -> int:
    """Return ``long`` under ``make soak``, else ``short``."""
    return long if SOAK else short
