"""Corrupting a built warehouse, and taking it back."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb
import pytest


def cases(corruptions: Mapping[str, Sequence[str]]) -> list[Any]:
    """One test parameter (guard's name, corrupting SQL) each, named after the guard."""
    return [
        pytest.param(guard, corruption, id=f"{guard[:60]}-{number}")
        for guard, of_guard in corruptions.items()
        for number, corruption in enumerate(of_guard, start=1)
    ]


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
