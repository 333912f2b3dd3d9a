"""An OMOP CDM database, attached read only: a DuckDB file, a folder of Parquet or PostgreSQL.

What the warehouse reads of it is declared in models/staging/omop/_omop__sources.yml.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import duckdb
import yaml

from salvage.errors import SalvageError, first_line
from salvage.project import PROJECT_DIR
from salvage.sql import quoted

POSTGRES_SCHEMES = ("postgres", "postgresql")


@dataclass(frozen=True)
class Cdm:
    """A CDM as a run reads it.

    Attributes:
        location: path of a DuckDB file, path of a folder with `<table>.parquet` files, or a
            PostgreSQL address (`postgresql://user@host/database`; the password comes from
            PGPASSWORD or ~/.pgpass, never from the address).
        database: name that it is attached by.
        schema: schema that holds the tables; for a folder, the one they are put into.
    """

    location: str
    database: str
    schema: str

    def relation(self, table: str) -> str:
        """Return the table's name in SQL."""
        return f"{_name(self.database)}.{_name(self.schema)}.{table}"


@dataclass(frozen=True)
class CdmTable:
    """One table of the CDM as the warehouse reads it.

    Attributes:
        name: the table's name.
        types: SQL type of each column, by name.
        required_columns: those that must be there if the table is.
        is_needed: must the table be there?
    """

    name: str
    types: dict[str, str]
    required_columns: frozenset[str]
    is_needed: bool


@cache
def cdm_tables() -> dict[str, CdmTable]:
    """Return the tables of the dbt source `omop`, by name."""
    path = PROJECT_DIR / "models" / "staging" / "omop" / "_omop__sources.yml"
    (source,) = yaml.safe_load(path.read_text(encoding="utf-8"))["sources"]
    return {
        table["name"]: CdmTable(
            name=table["name"],
            types={column["name"]: column["data_type"] for column in table["columns"]},
            required_columns=frozenset(
                column["name"] for column in table["columns"] if _meta(column).get("is_required")
            ),
            is_needed=bool(_meta(table).get("is_needed")),
        )
        for table in source["tables"]
    }


def _meta(node: dict[str, object]) -> dict[str, object]:
    config = node.get("config")
    meta = config.get("meta") if isinstance(config, dict) else None
    return meta if isinstance(meta, dict) else {}


def default_schema(location: str) -> str:
    """Return the schema that a CDM's tables stand in where nobody says which.

    Args:
        location: as in `attach_cdm`.
    """
    return "public" if urlsplit(location).scheme in POSTGRES_SCHEMES else "main"


def refuse_password(location: str) -> None:
    """Refuse an address with a password in it, before anything says or logs the address.

    Raises:
        SalvageError: the location is a PostgreSQL address that holds a password.
    """
    parts = urlsplit(location)
    if parts.scheme not in POSTGRES_SCHEMES:
        return
    if parts.password is not None or "password" in parse_qs(parts.query):
        raise SalvageError(
            "The address of the OMOP CDM holds a password, which would come to stand in logs; "
            "give it in the environment (PGPASSWORD) or in ~/.pgpass instead."
        )


def attach_cdm(connection: duckdb.DuckDBPyConnection, cdm: Cdm) -> None:
    """Attach a CDM to a connection, read only; nothing happens where it is attached already.

    Raises:
        SalvageError: there is nothing there, it is not of one of these kinds, or the address
            holds a password.
    """
    attached = connection.execute("select database_name from duckdb_databases()").fetchall()
    if (cdm.database,) in attached:
        return
    location = cdm.location
    try:
        if urlsplit(location).scheme in POSTGRES_SCHEMES:
            _attach_postgres(connection, location, cdm.database)
        elif Path(location).is_dir():
            _attach_folder(connection, cdm)
        elif Path(location).is_file():
            connection.execute(f"attach '{quoted(location)}' as {_name(cdm.database)} (read_only)")
        else:
            raise SalvageError(f"There is no OMOP CDM at {location}: no such file or folder.")
    except duckdb.Error as error:
        raise SalvageError(f"The OMOP CDM cannot be opened: {first_line(error)}") from error


def _attach_postgres(connection: duckdb.DuckDBPyConnection, address: str, database: str) -> None:
    refuse_password(address)
    load_postgres(connection)
    connection.execute(
        f"attach '{quoted(address)}' as {_name(database)} (type postgres, read_only)"
    )


def load_postgres(connection: duckdb.DuckDBPyConnection) -> None:
    """Load DuckDB's extension for PostgreSQL.

    Raises:
        SalvageError: the package that holds it is not installed.
    """
    try:
        extension = files("duckdb_extension_postgres_scanner")
    except ModuleNotFoundError as error:
        raise SalvageError(
            "PostgreSQL needs DuckDB's extension: pip install duckdb-extension-postgres-scanner"
        ) from error
    # Loaded from the package itself: its own `import_extension` copies it into the user's home
    # first, which may not be writable, and from where DuckDB would look for newer ones.
    file = f"{extension}/extensions/v{duckdb.__version__}/postgres_scanner.duckdb_extension"
    connection.execute(f"load '{quoted(file)}'")


def _attach_folder(connection: duckdb.DuckDBPyConnection, cdm: Cdm) -> None:
    connection.execute(f"attach ':memory:' as {_name(cdm.database)}")
    connection.execute(f"create schema if not exists {_name(cdm.database)}.{_name(cdm.schema)}")
    for table in cdm_tables():
        path = Path(cdm.location) / f"{table}.parquet"
        if path.is_file():
            connection.execute(
                f"create view {cdm.relation(table)} as from read_parquet('{quoted(path)}')"
            )


def columns_read(connection: duckdb.DuckDBPyConnection, cdm: Cdm) -> dict[str, dict[str, str]]:
    """Return the columns that the warehouse reads of an attached CDM, with declared types.

    A column or a table that this CDM lacks is left out.
    """
    found = _found_columns(connection, cdm)
    read = {
        table.name: {
            column: data_type
            for column, data_type in table.types.items()
            if column in found.get(table.name, {})
        }
        for table in cdm_tables().values()
    }
    return {table: columns for table, columns in read.items() if columns}


def _found_columns(connection: duckdb.DuckDBPyConnection, cdm: Cdm) -> dict[str, dict[str, str]]:
    """Return the types of all columns of an attached CDM, names in lower case."""
    found: dict[str, dict[str, str]] = {}
    for table, column, data_type in connection.execute(
        "select lower(table_name), lower(column_name), data_type from duckdb_columns() "
        "where database_name = ? and schema_name = ?",
        [cdm.database, cdm.schema],
    ).fetchall():
        found.setdefault(table, {})[column] = data_type
    return found


def check_cdm(connection: duckdb.DuckDBPyConnection, cdm: Cdm) -> list[str]:
    """Say what an attached CDM lacks; return a sentence for each lack that is allowed.

    Raises:
        SalvageError: a table or a column that must be there is not, or holds another kind of
            value than the CDM's.
    """
    found = _found_columns(connection, cdm)
    warnings = []
    for table in cdm_tables().values():
        if table.name not in found:
            if table.is_needed:
                raise SalvageError(
                    f"The OMOP CDM at {cdm.location} holds no table {table.name} "
                    f"(schema {cdm.schema}), which is needed."
                )
            warnings.append(f"{table.name}: the CDM holds no such table; taken as empty.")
            continue
        columns = found[table.name]
        for column, data_type in table.types.items():
            if column not in columns:
                if column in table.required_columns:
                    raise SalvageError(
                        f"The OMOP CDM's table {table.name} holds no column {column}, which is "
                        "needed."
                    )
                warnings.append(f"{table.name}: no column {column}; taken as empty.")
            elif not _is_of_kind(columns[column], data_type):
                raise SalvageError(
                    f"The OMOP CDM's table {table.name}, column {column}: of type "
                    f"{columns[column]}, where the CDM has {data_type.upper()}."
                )
    return warnings


_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UINTEGER", "UBIGINT")


def _is_of_kind(found: str, declared: str) -> bool:
    kinds = {
        "bigint": _INTEGERS,
        "integer": _INTEGERS,
        "date": ("DATE", "TIMESTAMP"),
        "timestamp": ("TIMESTAMP", "DATE"),
        "double": ("DOUBLE", "FLOAT", "DECIMAL", *_INTEGERS),
        "varchar": ("VARCHAR",),
    }
    # A column with nothing in it can have any type: Parquet writers pick one.
    return found.startswith(kinds[declared]) or found in ('"NULL"', "NULL")


def _name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'
