"""Two workers on one database, each to be spoken to by itself."""

from dataclasses import dataclass

from parts.client import Client


@dataclass(frozen=True)
class Pair:
    """Two servers with one worker each: a test chooses which worker a request reaches."""

    here: Client
    there: Client
