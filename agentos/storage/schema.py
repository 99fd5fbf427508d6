"""The revision of a database's schema, and whether this version of AgentOS can work with it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SchemaState:
    """The revision that the database has and the one that this version of AgentOS needs.

    Revisions are whole numbers with leading zeros. A schema that is newer has what this version needs and more, unless
    ``least`` (what the schema says of itself) is beyond ``head``: this version is then too old for it. ``lacks`` names
    what the settings need beside the schema, and the database does not have; an upgrade makes it.
    """

    current: str | None
    head: str | None
    least: str | None = None
    lacks: str | None = None

    @property
    def ready(self) -> bool:
        """True when this version can work with the schema."""
        return self.lacks is None and (self.current == self.head or (self.newer and not self.too_new))

    @property
    def older(self) -> bool:
        """True when an upgrade makes it ready."""
        return self.head is not None and (self.current is None or _number(self.current) < _number(self.head))

    @property
    def newer(self) -> bool:
        """True when a newer version of AgentOS has upgraded the schema."""
        return self.head is not None and _number(self.current) > _number(self.head)

    @property
    def too_new(self) -> bool:
        """True when only a newer version of AgentOS can work with the schema."""
        return self.newer and _number(self.least) > _number(self.head)

    @property
    def description(self) -> str:
        """How the two stand, in a sentence that says what to do if anything is."""
        if self.head is None:
            return "there is no schema to migrate"
        if self.lacks is not None:
            return f"the database has no {self.lacks}; run 'flask agentos db upgrade' with the settings of the server"
        if self.current == self.head:
            return f"the schema is at {self.head}"
        if self.older:
            return (
                f"the schema is at {self.current or 'nothing'}, needed is {self.head}; run 'flask agentos db upgrade'"
            )
        if self.too_new:
            return (
                f"the schema is at {self.current}, which takes a version of AgentOS that knows revision {self.least};"
                f" this one knows up to {self.head}: run a newer version of AgentOS"
            )
        if self.newer:
            return f"the schema is at {self.current}, newer than this version's {self.head}, and has all that it needs"
        return (
            f"the schema is at {self.current!r:.40}, which is no revision of AgentOS; AGENTOS_DATABASE_URL may name"
            " another program's database"
        )


def _number(revision: str | None) -> float:
    """Return what orders revisions; what is none is neither older nor newer."""
    return int(revision) if revision is not None and re.fullmatch("[0-9]{4,9}", revision) else math.nan
