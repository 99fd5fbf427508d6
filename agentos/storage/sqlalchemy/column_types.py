"""What the tables have in common: their metadata, and the types and options of columns and indexes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Text
from sqlalchemy.schema import MetaData

from agentos.domain.principal import ANONYMOUS

metadata = MetaData()

# Ids are compared by code point on both databases. PostgreSQL's default collation would sort them by the rules of a
# language, and more slowly.
Key = Text().with_variant(Text(collation="C"), "postgresql")

# Microseconds since 1970 in UTC: SQLite has no type for times, and text or floats would compare or round differently
# from PostgreSQL's timestamps. A number sorts, indexes and comes back the same on both.
Time = BigInteger

# JSON as text: nothing looks into the user's values, and JSONB would drop the order of keys and refuse "\u0000".
Json = Text

# Room in each page of PostgreSQL for new versions of rows that change, so that they need no new index entries.
CHANGING: Any = {"postgresql_with": {"fillfactor": 80}}

# Rows from before there were owners belong to callers without a credential, and so do those that a worker of such a
# version still writes.
Owner: Any = {"type_": Key, "nullable": False, "server_default": ANONYMOUS}


def only(rows: ColumnElement[bool]) -> dict[str, Any]:
    """Return the options of an index that has some rows alone."""
    return {"sqlite_where": rows, "postgresql_where": rows}
