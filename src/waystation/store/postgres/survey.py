"""What can be seen of a PostgreSQL store from outside, without opening it as a store: nothing is made or migrated."""

from __future__ import annotations

from waystation.errors import StoreSchemaOlder
from waystation.store.postgres import schedules
from waystation.store.postgres.connections import Attempt, Connection
from waystation.store.postgres.reads import RECORD, now, record_of, workers
from waystation.store.postgres.schema import look, migrations
from waystation.store.records import UNFINISHED, RunRecord, SchemaStatus, Survey

_BY_STATUS = "SELECT status, count(*) FROM waystation_runs GROUP BY status"

_OLDEST = f"""
SELECT {RECORD} FROM waystation_runs WHERE status = $1 AND status <> 'success' ORDER BY created_at, run_no LIMIT 1
"""  # noqa: S608  (a constant)

_SIZE = """
SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relname LIKE 'waystation\\_%' AND relkind = 'r'
"""


async def schema_status(attempt: Attempt, where: str, schema: str | None) -> SchemaStatus:
    """How the schema in the database stands.

    Raises:
        StoreSchemaForeign, StoreSchemaNewer.
    """
    return await _schema_status(attempt.connection, where, schema)


async def _schema_status(connection: Connection, where: str, schema: str | None) -> SchemaStatus:
    version = (await look(connection, where, schema)).version
    store = where if schema is None else f"{where} (schema {schema})"
    return SchemaStatus(store=store, version=version, newest=len(migrations()))


async def survey(attempt: Attempt, where: str, schema: str | None) -> Survey:
    """What is in the database, as of one moment.

    Raises:
        StoreSchemaForeign, StoreSchemaNewer, StoreSchemaOlder.
    """
    connection = attempt.connection
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        if not (status := await _schema_status(connection, where, schema)).is_settled:
            raise StoreSchemaOlder.of(status.store, status.version, status.newest)
        inside = Attempt(connection, uncertain=False)
        return Survey(
            runs={row["status"]: row["count"] for row in await connection.fetch(_BY_STATUS)},
            open_suspensions=await connection.fetchval("SELECT count(*) FROM waystation_suspensions"),
            oldest_unfinished=await _oldest_unfinished(connection),
            workers=await workers(inside),
            schedules=await schedules.schedules(inside),
            size=await connection.fetchval(_SIZE),
            at=await now(inside),
        )


async def _oldest_unfinished(connection: Connection) -> RunRecord | None:
    found = [await connection.fetchrow(_OLDEST, status) for status in UNFINISHED]
    rows = [row for row in found if row is not None]
    return record_of(min(rows, key=lambda row: (row["created_at"], row["run_no"]))) if rows else None
