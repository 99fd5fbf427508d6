"""The caller of a request: what it may do and what it may see."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from agentos.domain.ids import AGENT_ID

ADMIN = "admin"
"""May do everything, and sees everybody's sessions and runs."""

APPROVE = "runs:approve"
"""May decide about tool calls that wait for an approval."""

APPROVE_ANY = "runs:approve:any"
"""May see and decide the approvals that runs of every owner wait for, and nothing else of those runs."""

CALL_TOOLS = "tools:call"
"""May call any installed tool by hand, with arguments of its own choice."""

READ_SETTINGS = "settings:read"
"""May read the settings of the server, without what is secret in them."""

SCOPES = (
    "agents:read",
    "agents:write",
    "agents:run",
    CALL_TOOLS,
    "sessions:read",
    "sessions:write",
    "runs:read",
    "runs:cancel",
    APPROVE,
    APPROVE_ANY,
    READ_SETTINGS,
    ADMIN,
)
"""What a credential can be allowed. ``agents:run:ID`` allows running one agent alone."""

SCOPES_OF_ONE_OWNER = tuple(scope for scope in SCOPES if scope not in (APPROVE_ANY, READ_SETTINGS, ADMIN))
"""Those with which a caller sees nothing of other owners, nor of the server itself."""

OWNER = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,255}")
"""What can own sessions and runs: the name of a user or tenant."""

ANONYMOUS = "anonymous"
"""The owner of what is made without authentication; of credentials, only an API key of ours may act for it."""

_RUN_ONE = "agents:run:"

_PLUGIN_SCOPE = re.compile(r"(?!(?:agents|sessions|runs):)[a-z][a-z0-9_-]{0,62}:[a-z][a-z0-9_-]{0,62}")


def is_scope(text: str) -> bool:
    """Return whether a text is one of our scopes."""
    return text in SCOPES or (text.startswith(_RUN_ONE) and AGENT_ID.fullmatch(text[len(_RUN_ONE) :]) is not None)


def is_plugin_scope(text: str) -> bool:
    """Return whether a text has the form of a scope that a plugin may declare, as ``metrics:read``."""
    return not is_scope(text) and _PLUGIN_SCOPE.fullmatch(text) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A known caller. What authenticators return, and what every use case is asked with.

    ``id`` names the credential (``key:4f…``), for limits and the log; ``owner`` is the user or tenant that sessions and
    runs belong to. Scopes that are neither ours nor have the form of a plugin's are left out: an identity provider has
    others too. ``name`` and ``expires_at`` are what is known of the credential, for its user alone.

    Raises ``ValueError`` for an owner that cannot be one, and for a time without a time zone.
    """

    id: str
    owner: str
    scopes: Collection[str] = field(default_factory=frozenset)
    name: str | None = field(default=None, compare=False)
    expires_at: datetime | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.owner, str) or not OWNER.fullmatch(self.owner):
            raise ValueError(f"owner {self.owner!r:.300}: accepted are 1 to 255 characters, none of them a control")
        if self.expires_at is not None and self.expires_at.tzinfo is None:
            raise ValueError(f"expires_at is {self.expires_at}, without a time zone; accepted is a time with one")
        kept = frozenset(scope for scope in self.scopes if is_scope(scope) or is_plugin_scope(scope))
        object.__setattr__(self, "scopes", kept)

    def may(self, scope: str) -> bool:
        """Return whether a scope is granted: itself, a wider one of the same kind, or ``admin``."""
        if scope in self.scopes or ADMIN in self.scopes:
            return True
        if scope == APPROVE:
            return APPROVE_ANY in self.scopes
        return scope.startswith(_RUN_ONE) and "agents:run" in self.scopes

    def may_run(self, agent_id: str) -> bool:
        """Return whether this caller may run an agent."""
        return self.may(_RUN_ONE + agent_id)

    @property
    def may_run_some(self) -> bool:
        """Whether this caller may run any agent at all: which one is asked when it is known."""
        return any(scope in ("agents:run", ADMIN) or scope.startswith(_RUN_ONE) for scope in self.scopes)

    @property
    def visible_owner(self) -> str | None:
        """The owner to which this caller's view is limited; ``None`` (no limit) with ``admin``."""
        return None if ADMIN in self.scopes else self.owner


OPERATOR = Principal(id="operator", owner=ANONYMOUS, scopes=[ADMIN])
"""The user of the command line, who has the database anyway."""

ANONYMOUS_PRINCIPAL = Principal(id=ANONYMOUS, owner=ANONYMOUS, scopes=SCOPES_OF_ONE_OWNER)
"""Any caller of a server without authentication."""
