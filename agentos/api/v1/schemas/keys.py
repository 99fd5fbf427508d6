"""API keys, and what a credential may do."""

from __future__ import annotations

from agentos.api.kit.schemas.fields import (
    Choice,
    RequestSchema,
    StrictBoolean,
    StrictInteger,
    StrictString,
    StringList,
)
from agentos.api.kit.schemas.query_fields import PagingQuery, QueryCursor
from agentos.api.kit.schemas.structure import Nested, NestedList, ResponseSchema, Time
from agentos.api.kit.schemas.times import StrictTime

MOST_SCOPES = 100
PRINTABLE = r"^[^\u0000-\u001f\u007f]{1,255}$"
WORDS = "a text of 1 to 255 characters, none of them a control character"


class KeyQuery(PagingQuery):
    """Which keys."""

    cursor = QueryCursor("key")


class NewKeySchema(RequestSchema):
    """A key to make."""

    name = StrictString("A name for people.", pattern=PRINTABLE, words=WORDS, required=True, example="backend")
    owner = StrictString(
        "The user or tenant that owns the sessions and runs that the key sees. Keys of one owner see the same: so a new"
        " key replaces an old one. Absent: a new owner with the key's name, which must not be in use then.",
        pattern=PRINTABLE,
        words=WORDS,
    )
    scopes = StringList(
        "What the key may do; it can do nothing that the credential of this request cannot. Absent: all but"
        " `agents:write`, `tools:call`, `runs:approve`, `runs:approve:any`, `settings:read`, `admin`, and scopes of"
        " plugins.",
        most=MOST_SCOPES,
        each=255,
        example=["agents:read", "agents:run"],
    )
    expires_at = StrictTime("When it ends; absent or null: never.", nullable=True)


class KeySchema(ResponseSchema):
    """An API key without its secret, which is kept nowhere."""

    id = StrictString("Its id, which is a part of the key and no secret.", example="4f0c2b9a1d3e5f67")
    name = StrictString("A name for people.")
    owner = StrictString("The user or tenant that owns the sessions and runs that it sees.")
    scopes = StringList("What it may do.")
    status = Choice("Whether it is good now.", ("active", "expired", "revoked"))
    created_at = Time("When it was made.")
    expires_at = Time("When it ends; null: never.", nullable=True)
    revoked_at = Time("When it was revoked.", nullable=True)
    current = StrictBoolean("Whether it is the key of this request.")


class MadeKeySchema(KeySchema):
    """A key that was made, with its secret, this once."""

    key = StrictString("The key itself. Keep it: it cannot be shown again.", example="aos_4f0c2b9a1d3e5f67_…")


class RevokedKeySchema(ResponseSchema):
    """A key that was revoked."""

    message = StrictString("What was done; also that it was the key of this request.", example="key revoked")
    key = Nested(KeySchema)


class KeyListSchema(ResponseSchema):
    """API keys of all owners, newest first."""

    keys = NestedList(KeySchema)
    count = StrictInteger("How many are in this answer.")
    next_cursor = StrictString("Where the next part begins; absent when there is no more.", optional=True)


class CurrentCredentialSchema(ResponseSchema):
    """The credential of this request, and what it may do."""

    authentication = Choice("Whether this server asks for a credential at all.", ("on", "off"))
    kind = StrictString(
        "What recognised it: `api_key`, `jwt`, or the name of a plugin's authenticator; null where none is asked for.",
        nullable=True,
        example="api_key",
    )
    id = StrictString("What it is called in the log and in decisions.", example="key:4f0c2b9a1d3e5f67")
    name = StrictString("The name of the key.", nullable=True)
    owner = StrictString("The user or tenant that it acts for.")
    scopes = StringList("What it was given.")
    effective_scopes = StringList(
        "All scopes that these amount to: with `admin`, every scope of this server. `agents:run:ID` is in it only where"
        " it was given."
    )
    expires_at = Time("When it ends; null: never, or it is not known.", nullable=True)
