"""How the server is, and where its documentation is."""

from __future__ import annotations

from agentos.api.kit.schemas.fields import Choice, Flag, Object, Text, Whole
from agentos.api.kit.schemas.structure import AnswerSchema, Parts


class IndexSchema(AnswerSchema):
    """The server, and where its documentation and API are."""

    service = Choice("Always the same.", ("agentos",))
    version = Text("The server's version.")
    paths = Object("Paths by name: `docs`, `openapi`, `health`, `ready`, `agents`.")


class HealthSchema(AnswerSchema):
    """The process is alive."""

    status = Choice("Always the same.", ("healthy",))
    service = Choice("Always the same.", ("agentos",))
    time = Whole("Seconds since 1970.", example=1704067200)
    version = Text("The server's version.")


class CheckSchema(AnswerSchema):
    """The outcome of one check."""

    name = Text("What was checked.", example="storage")
    ok = Flag("Whether it is well.")
    detail = Text("The outcome, in a line.")


class ReadySchema(AnswerSchema):
    """Whether the server can do its work now."""

    status = Choice("`ready` when all checks are well.", ("ready", "not_ready"))
    checks = Parts(CheckSchema)
