"""The published marts, as the dashboard, its figures and `salvage explain` read them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from salvage.errors import SalvageError

Row = dict[str, Any]
ALL_ARMS = "all"

# No other file can be read, nor anything written: docs/publication.md.
_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "lock_configuration": "true",
}
_ACCEPTED = "select 1 from marts.dq_row_ledger where table_name = $table and n_accepted > 0"


class Marts:
    """Rows of the published marts.

    Attributes:
        names: the marts that there are (those of a CDM are there only with one).
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self.names = frozenset(
            row["table_name"]
            for row in self.rows(
                "select table_name from duckdb_tables() where schema_name = 'marts'"
            )
        )

    def rows(self, sql: str, **parameters: Any) -> list[Row]:
        """Return a query's rows as dictionaries; `$name` in it stands for a parameter."""
        cursor = self._connection.execute(sql, parameters or None)
        columns = [column[0] for column in cursor.description or ()]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]

    def row(self, sql: str, **parameters: Any) -> Row:
        """Return the one row of a query."""
        (row,) = self.rows(sql, **parameters)
        return row

    def has_records(self, table: str) -> bool:
        """Was any record of an input table accepted? Else what it tells of is not known."""
        return bool(self.rows(_ACCEPTED, table=table))


@contextmanager
def published_marts(published: Path, needed: str = "mart that is needed") -> Iterator[Marts]:
    """Open `salvage.duckdb` in a publication's folder, read-only.

    Args:
        published: the folder.
        needed: what is said to be missing where an older version published it.

    Raises:
        SalvageError: it is not there, or an older version published it.
    """
    database = published / "salvage.duckdb"
    # Quoted by repr(): a file's name need not be text that can be printed.
    shown = repr(str(database))
    if not database.is_file():
        raise SalvageError(
            f"{shown} is not there: nothing is published yet; `salvage run` does it."
        )
    try:
        with duckdb.connect(str(database), read_only=True, config=_SETTINGS) as connection:
            yield Marts(connection)
    except duckdb.CatalogException as error:
        raise SalvageError(
            f"{shown} holds no {needed}: an older version published it; "
            "`salvage run` publishes anew."
        ) from error
    except duckdb.IOException as error:
        raise SalvageError(f"{shown} cannot be read as a DuckDB file.") from error
