"""How the server is, and where its documentation is."""

from __future__ import annotations

from agentos.api.kit.schemas.fields import Choice, Object, StrictBoolean, StrictInteger, StrictString
from agentos.api.kit.schemas.structure import NestedList, ResponseSchema


class IndexSchema(ResponseSchema):
    """The server, and where its documentation and API are."""

    service = Choice("Always the same.", ("agentos",))
    version = StrictString("The server's version.")
    paths = Object(
        "Paths by name: `docs`, `openapi`, `health`, `ready`, `agents`."
        " The first two are not there without the plugin `docs`."
    )


class HealthSchema(ResponseSchema):
    """The process is alive."""

    status = Choice("Always the same.", ("healthy",))
    service = Choice("Always the same.", ("agentos",))
    time = StrictInteger("Seconds since 1970.", example=1704067200)
    version = StrictString("The server's version.")


class CheckSchema(ResponseSchema):
    """The outcome of one check."""

    name = StrictString(
        "What was checked: `storage`, `migrations`, `clock`, `disk` (of a database in a file), `draining`, or"
        " `provider` and a provider's name. A later version may have more.",
        example="storage",
    )
    ok = StrictBoolean("Whether the server can work with it; also where it is a warning.")
    status = Choice("The same, with warnings told apart.", ("ok", "warning", "failed"))
    detail = StrictString("The outcome, in a line.")


class ReadySchema(ResponseSchema):
    """Whether the server can do its work now."""

    status = Choice("`ready` when all checks are `ok`; warnings do not count.", ("ready", "not_ready"))
    checks = NestedList(CheckSchema)
