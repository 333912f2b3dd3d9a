"""Corrupting a built warehouse, and taking it back."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb


@contextmanager
def undone(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Take back whatever happens to the data inside."""
    connection.execute("begin")
    try:
        yield
    finally:
        connection.execute("rollback")


def let_marts_hold_null(connection: duckdb.DuckDBPyConnection) -> None:
    """Take away the contracts' NOT NULL, so that guards see what other engines would let in."""
    for table, column in connection.execute(
        "select table_name, column_name from information_schema.columns "
        "where table_schema = 'marts' and is_nullable = 'NO'"
    ).fetchall():
        connection.execute(f"alter table marts.{table} alter {column} drop not null")
