"""Records: small documents with a due time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Integer,
    Select,
    and_,
    bindparam,
    delete,
    func,
    literal_column,
    or_,
    select,
    tuple_,
    union_all,
    update,
)

from agentos.storage.admission import Lease
from agentos.storage.paging import Page, Paging, page_of
from agentos.storage.records import (
    LARGEST_VALUE,
    Record,
    RecordKey,
    RecordStore,
    check_value,
    id_and_owner,
    is_name,
    not_at,
    place_of,
)
from agentos.storage.sqlalchemy.columns import Values, duration, microseconds, time_of
from agentos.storage.sqlalchemy.connection import Connection, Row
from agentos.storage.sqlalchemy.database import SqlStore
from agentos.storage.sqlalchemy.dialects import database_now, for_each_dialect
from agentos.storage.sqlalchemy.record_rows import OF_KEY, PUT_RECORD, record_of, record_values
from agentos.storage.sqlalchemy.tables import records

_columns = (records.c.collection, records.c.owner, records.c.id)
_at_version = and_(*OF_KEY, records.c.version == bindparam("at_version", type_=BigInteger))

# As a query of its own, which is evaluated once: then a range of an index can be compared with it.
_now = select(database_now()).scalar_subquery()
_prolonged = database_now() + bindparam("lease", type_=BigInteger)
_free = or_(records.c.lease_until.is_(None), records.c.lease_until <= _now)

_GET = select(records).where(*OF_KEY)
_REPLACE = (
    update(records)
    .where(_at_version)
    .values(
        document=bindparam("new_document"),
        due_at=bindparam("new_due_at", type_=BigInteger),
        version=records.c.version + 1,
        attempts=0,
        worker_id=None,
        lease_until=None,
    )
    .returning(*records.c)
)
_DELETE = delete(records).where(*OF_KEY).returning(records.c.id)
_DELETE_AT = delete(records).where(_at_version).returning(records.c.id)


_NEW = ("collection", "owner", "id", "document", "due_at", "version", "attempts", "value")
_NEW_ROW: Values = {**{name: bindparam(name) for name in _NEW}, "created_at": database_now()}


def _add_new(dialect: Any) -> Any:
    """Build what adds a record that is not there, and returns a row only then."""
    statement = dialect.insert(records).values(_NEW_ROW)
    return statement.on_conflict_do_nothing(index_elements=_columns).returning(*records.c)


_ADD_NEW = for_each_dialect(_add_new)

_sum = records.c.value + bindparam("delta", type_=BigInteger)
_within = and_(_sum <= bindparam("limit", type_=BigInteger), _sum >= bindparam("least", type_=BigInteger))
_COUNT = update(records).where(*OF_KEY, _within).values(value=_sum).returning(records.c.value)


def _count_or_add(dialect: Any) -> Any:
    """Build what adds to a counter, or makes it; two at the same time wait for each other and both count."""
    statement = dialect.insert(records).values(_NEW_ROW)
    return statement.on_conflict_do_update(index_elements=_columns, set_={"value": _sum}, where=_within).returning(
        records.c.value
    )


_COUNT_OR_ADD = for_each_dialect(_count_or_add)

_some = (
    select(*_columns)
    .where(records.c.owner == bindparam("of_owner"))
    .limit(bindparam("delete_limit", type_=Integer))
    .cte("some_records")
)
# RETURNING, as in sessions: SQLite's driver does not count.
_DELETE_OF_OWNER = delete(records).where(tuple_(*_columns).in_(select(_some))).returning(records.c.id)

# Each of several workers takes others: rows that one has locked, the next one skips.
_due = (
    select(*_columns)
    .where(records.c.collection.in_(bindparam("collections", expanding=True)), records.c.due_at <= _now, _free)
    .order_by(records.c.due_at)
    .limit(bindparam("take_limit", type_=Integer))
    .with_for_update(skip_locked=True)
    .cte("due")
)
_TAKE = (
    update(records)
    .where(tuple_(*_columns).in_(select(_due)))
    .values(
        version=records.c.version + 1,
        attempts=records.c.attempts + 1,
        worker_id=bindparam("worker"),
        lease_until=_prolonged,
    )
    .returning(*records.c)
)
_RENEW = update(records).where(_at_version, records.c.worker_id == bindparam("worker")).values(lease_until=_prolonged)
_GIVE_BACK = (
    update(records)
    .where(_at_version)
    .values(
        due_at=database_now() + bindparam("seconds", type_=BigInteger),
        version=records.c.version + 1,
        worker_id=None,
        lease_until=None,
    )
    .returning(records.c.id)
)


@cache
def _next_due(collections: int) -> Any:
    """Build the query for the first due time of so many collections: for each, one entry of the index."""
    firsts = [
        select(records.c.due_at)
        .where(records.c.collection == bindparam(f"collection{number}"), records.c.due_at.is_not(None), _free)
        .order_by(records.c.due_at)
        .limit(literal_column("1"))
        .subquery(f"first{number}")
        for number in range(collections)
    ]
    found = union_all(*(select(first.c.due_at) for first in firsts)).subquery("firsts")
    return select(func.min(found.c.due_at) - _now)


@cache
def _list(*, of_owner: bool, after: bool) -> Select[Any]:
    statement = select(records).where(records.c.collection == bindparam("collection"))
    if of_owner:
        statement = statement.where(records.c.owner == bindparam("of_owner"))
    order = (records.c.created_at, records.c.id, records.c.owner)
    if after:
        place = (bindparam(f"after_{column.name}", type_=column.type) for column in order)
        statement = statement.where(tuple_(*order) < tuple_(*place))
    statement = statement.order_by(*(column.desc() for column in order))
    statement = statement.limit(bindparam("page_limit", type_=Integer))
    return statement if after else statement.offset(bindparam("page_offset", type_=Integer))


class SqlRecordStore(SqlStore, RecordStore):
    """Records by collection, owner and id."""

    def put(self, record: Record, *, expected_version: int | None = None) -> Record:
        values = record_values(record)

        def work(connection: Connection) -> Row | None:
            if expected_version is None:
                return connection.execute(PUT_RECORD[connection.dialect], values).first()
            if expected_version == 0:
                return connection.execute(_ADD_NEW[connection.dialect], {**values, **_FIRST}).first()
            replaced = {"new_document": values["document"], "new_due_at": values["due_at"]}
            return connection.execute(_REPLACE, {**values, **replaced, "at_version": expected_version}).first()

        row = self._database.write(work)
        if row is None:
            assert expected_version is not None
            raise not_at(record, expected_version)
        return record_of(row)

    def get(self, collection: str, id: str, *, owner: str) -> Record | None:
        key = RecordKey(collection, owner, id)
        return self._database.query(_GET, key._asdict()).first_as(record_of) if _possible(key) else None

    def list(self, collection: str, paging: Paging, *, owner: str | None) -> Page[Record]:
        if not _possible((collection,) if owner is None else (collection, owner)):
            return Page(())
        values: Values = {"collection": collection, "of_owner": owner, "page_limit": paging.limit + 1}
        if paging.cursor is None:
            values["page_offset"] = paging.offset
        else:
            of_id, of_owner = id_and_owner(paging.cursor)
            values.update(after_created_at=microseconds(paging.cursor.time), after_owner=of_owner, after_id=of_id)
        statement = _list(of_owner=owner is not None, after=paging.cursor is not None)
        found = self._database.query(statement, values).all()
        return page_of(
            found,
            paging,
            place=lambda row: place_of(RecordKey(row.collection, row.owner, row.id), time_of(row.created_at)),
            convert=lambda rows: [record_of(row) for row in rows],
        )

    def delete(self, collection: str, id: str, *, owner: str, expected_version: int | None = None) -> bool:
        key = RecordKey(collection, owner, id)
        if not _possible(key):
            return False
        statement = _DELETE if expected_version is None else _DELETE_AT
        values = {**key._asdict(), "at_version": expected_version}
        return self._database.execute(statement, values).first() is not None

    def delete_of_owner(self, data_owner: str, *, limit: int) -> int:
        values = {"of_owner": data_owner, "delete_limit": limit}
        return len(self._database.execute(_DELETE_OF_OWNER, values).all()) if _possible((data_owner,)) else 0

    def add(self, collection: str, id: str, delta: int, *, owner: str, limit: int | None = None) -> int | None:
        check_value("delta", delta)
        check_value("limit", 0 if limit is None else limit)
        highest = LARGEST_VALUE if limit is None else limit
        new = record_values(Record(collection=collection, id=id, owner=owner))
        values = {**new, **_FIRST, "value": delta, "delta": delta, "limit": highest, "least": -LARGEST_VALUE}
        # A new counter would begin above its limit: then only one that is there may still have room, below 0.
        statements = {"sqlite": _COUNT, "postgresql": _COUNT} if delta > highest else _COUNT_OR_ADD
        total: int | None = self._database.write(
            lambda connection: connection.execute(statements[connection.dialect], values).scalar()
        )
        return total

    def take_due(self, collections: Collection[str], lease: Lease, *, limit: int) -> Sequence[Record]:
        if not collections:
            return ()
        values = {**_lease_values(lease), "collections": list(collections), "take_limit": limit}
        taken = [record_of(row) for row in self._database.execute(_TAKE, values).all()]
        return sorted(taken, key=lambda record: (record.due_at, record.key))

    def renew(self, records: Sequence[Record], lease: Lease) -> None:
        if records:
            values = [{**_at(record), **_lease_values(lease)} for record in records]
            self._database.write(lambda connection: connection.execute(_RENEW, values))

    def give_back(self, record: Record, *, seconds: float) -> bool:
        values = {**_at(record), "seconds": duration(seconds)}
        return self._database.execute(_GIVE_BACK, values).first() is not None

    def next_due(self, collections: Collection[str]) -> float | None:
        if not collections:
            return None
        values = {f"collection{number}": name for number, name in enumerate(collections)}
        wait: int | None = self._database.query(_next_due(len(values)), values).scalar()
        return None if wait is None else max(0.0, wait / 1_000_000)


_FIRST: Values = {"version": 1, "attempts": 0, "value": 0}


def _at(record: Record) -> Values:
    return {**record.key._asdict(), "at_version": record.version}


def _lease_values(lease: Lease) -> Values:
    return {"worker": lease.worker_id, "lease": duration(lease.seconds)}


def _possible(names: Sequence[str]) -> bool:
    """Return whether there can be such names: PostgreSQL refuses some of the others as values of a query."""
    return all(map(is_name, names))
