"""The gate: a study's folder into all-text tables, each file whole or not at all (SPEC 1).

A file is opened once; its SHA-256, its records and their line numbers come from the same bytes.
What a record is worth is judged later, in SQL; here a file as a whole is let in or refused.
"""

import hashlib
import os
import stat
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import duckdb
from tqdm import tqdm

from salvage.csv_file import KEPT_CHARACTERS, CsvFile, folded_heading
from salvage.errors import RefusedFileError, SalvageError
from salvage.project import InputTable, input_tables

NEEDED_TABLES = frozenset({"patients", "drug_exposures"})
PROTOCOL_TABLES = frozenset({"protocols", "protocol_arms"})
NEVER_EMPTY_TABLES = PROTOCOL_TABLES | {"patients"}

_CHUNK = 1024 * 1024
# Types of Parquet columns that read as the text of one cell; DECIMAL(5,2) and TIMESTAMP_NS begin
# with one of them. A value of the wrong kind is judged later, like any other cell.
_CELL_TYPES = (
    *("VARCHAR", "JSON", "ENUM", "UUID", "BOOLEAN", "FLOAT", "DOUBLE", "DECIMAL", "DATE", "TIME"),
    *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"),
    *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"),
)

# DuckDB's name for a record's place in a Parquet file.
_ROW_NUMBER = "file_row_number"

Warn = Callable[[str], object]


@dataclass(frozen=True)
class LoadedFile:
    """What the gate measured of one input file."""

    table_name: str
    file_name: str
    sha256: str
    n_records: int


def load_folder(
    folder: Path,
    connection: duckdb.DuckDBPyConnection,
    warn: Warn,
    show_progress: bool = True,
    only_reference: bool = False,
) -> list[LoadedFile]:
    """Load a study's folder into schemas `raw` and `raw_reference` of a database.

    Args:
        folder: holds `<table>.csv` or `<table>.parquet` for the tables of SPEC 1 and,
            optionally, the study's own reference files.
        connection: its current database is written to, in one transaction.
        warn: called with a sentence for each thing that is allowed but should be seen.
        show_progress: draw a progress bar on standard error.
        only_reference: read the study's own reference files alone; the records are elsewhere.

    Returns:
        The five-table files that were read, in the contract's order.

    Raises:
        SalvageError: the folder or a needed file is missing, or protocols and protocol_arms
            do not come together.
        RefusedFileError: a file is refused whole; then nothing of the folder is loaded.
    """
    try:
        if not folder.is_dir():
            raise SalvageError(f"The input folder {folder} does not exist or is not a folder.")
        next(folder.iterdir(), None)
    except OSError as error:
        raise SalvageError(f"The input folder cannot be read ({error.strerror}).") from error
    clinic = {} if only_reference else input_tables("clinic")
    tables = {**clinic, **input_tables("own_reference")}
    paths = {name: path for name in tables if (path := _find_file(folder, name))}
    _warn_of_unread_files(folder, tables, paths, warn)
    for name in sorted((NEEDED_TABLES & clinic.keys()) - paths.keys()):
        raise SalvageError(f"The input folder holds no {name}.csv or .parquet, which is needed.")
    if len(lone := [paths[name] for name in PROTOCOL_TABLES if name in paths]) == 1:
        raise SalvageError(
            f"The input folder holds {lone[0].name} alone: protocols and "
            "protocol_arms replace the shipped protocol together."
        )
    loaded = []
    total = sum(path.lstat().st_size for path in paths.values())
    with (
        _transaction(connection),
        tqdm(
            total=total, desc="reading", unit="B", unit_scale=True, disable=not show_progress
        ) as bar,
    ):
        connection.execute("create schema if not exists raw")
        connection.execute("create schema if not exists raw_reference")
        for table in tables.values():
            _create_table(connection, table)
            if table.name not in paths:
                if table.name in clinic:
                    warn(f"{table.name}: no file; taken as empty.")
                continue
            bar.set_postfix_str(paths[table.name].name)
            file = _load_file(connection, paths[table.name], table, warn, bar.update)
            if table.name == "ingredients":
                _warn_of_empty_rescue_flags(connection, file.file_name, warn)
            if table.name in clinic:
                loaded.append(file)
        if only_reference:
            return []
        connection.execute(
            "create or replace table raw.input_files (table_name varchar, file_name varchar,"
            " file_sha256 varchar, n_records bigint)"
        )
        connection.executemany(
            "insert into raw.input_files values (?, ?, ?, ?)",
            [(file.table_name, file.file_name, file.sha256, file.n_records) for file in loaded],
        )
    return loaded


@contextmanager
def _transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    connection.execute("begin")
    try:
        yield
    except BaseException:
        connection.execute("rollback")
        raise
    connection.execute("commit")


def _find_file(folder: Path, table_name: str) -> Path | None:
    """Return the table's file in the folder, None where there is none."""
    candidates = [folder / f"{table_name}{suffix}" for suffix in (".csv", ".parquet")]
    found = [path for path in candidates if os.path.lexists(path)]
    if len(found) > 1:
        raise RefusedFileError(
            found[1].name, f"{found[0].name} is there too; bring one file for each table."
        )
    return found[0] if found else None


def _warn_of_unread_files(
    folder: Path, tables: Collection[str], paths: dict[str, Path], warn: Warn
) -> None:
    """A file that looks like a table's, such as Procedures.csv, must not be missed in silence."""
    for path in sorted(folder.iterdir()):
        if path.name.casefold().startswith(tuple(tables)) and path not in paths.values():
            warn(f"{path.name} is not read: a file's name must be <table>.csv or <table>.parquet.")


def _create_table(connection: duckdb.DuckDBPyConnection, table: InputTable) -> None:
    columns = ", ".join(f"{column} varchar" for column in table.columns)
    connection.execute(
        f"create or replace table {table.schema}.{table.name} "
        f"(line_number bigint, has_wrong_field_count boolean, {columns})"
    )


def _load_file(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    table: InputTable,
    warn: Warn,
    progress: Callable[[int], object],
) -> LoadedFile:
    """Read one file into its all-text table, or refuse it whole."""
    sha256 = hashlib.sha256()

    def chunks() -> Iterator[bytes]:
        while chunk := os.read(descriptor, _CHUNK):
            sha256.update(chunk)
            progress(len(chunk))
            yield chunk

    with _regular_file(path) as descriptor:
        before = os.fstat(descriptor)
        if path.suffix == ".csv":
            n_records = _load_csv(connection, chunks(), path.name, table, warn)
        else:
            for _ in chunks():
                pass
            n_records = _load_parquet(connection, descriptor, path.name, table, warn)
        after = os.fstat(descriptor)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise RefusedFileError(path.name, "the file changed while it was read; run again.")
    row = connection.execute(f"select count(*) from {table.schema}.{table.name}").fetchone()
    if row != (n_records,):
        raise RefusedFileError(path.name, "not every record reached the database; please report.")
    if n_records == 0:
        if table.name in NEVER_EMPTY_TABLES:
            raise RefusedFileError(path.name, "the file has a header and no records.")
        warn(f"{path.name}: the file has a header and no records.")
    return LoadedFile(table.name, path.name, sha256.hexdigest(), n_records)


@contextmanager
def _regular_file(path: Path) -> Iterator[int]:
    """Open a file for reading; a link is none, wherever it points, nor is a folder or a pipe."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise RefusedFileError(path.name, "not a regular file (a folder, a link or a device).")
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise RefusedFileError(path.name, f"cannot be read ({error.strerror}).") from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _load_csv(
    connection: duckdb.DuckDBPyConnection,
    chunks: Iterator[bytes],
    file_name: str,
    table: InputTable,
    warn: Warn,
) -> int:
    """Stream a CSV file's records through a pipe into the table; return their number.

    Another thread loads while this one reads, so that neither waits and nothing of the file
    comes to lie elsewhere on the disk.
    """
    file = CsvFile(chunks, file_name, table.required_columns)
    positions = _positions(file.header, file_name, file.header_line, table, warn)
    reading_end, writing_end = os.pipe()
    faults: list[BaseException] = []

    # Parameters of read_csv say everything: DuckDB guesses nothing.
    names = ["line_number", "flag", *(f"cell_{at}" for at in range(len(file.header)))]
    types = dict.fromkeys(names, "varchar") | {"line_number": "bigint", "flag": "boolean"}
    cells = [f"cell_{positions[name]}" if name in positions else "null" for name in table.columns]

    def load() -> None:
        try:
            connection.execute(
                f"insert into {table.schema}.{table.name} "
                f"select line_number, flag, {', '.join(cells)} from read_csv(?, "
                f"columns = {types}, header = false, auto_detect = false, delim = ',', "
                "quote = '\"', escape = '\"', new_line = '\\n', strict_mode = true)",
                [f"/dev/fd/{reading_end}"],
            )
        except BaseException as fault:
            faults.append(fault)
        finally:
            os.close(reading_end)

    loader = Thread(target=load, name=f"loading {file_name}")
    loader.start()
    try:
        with os.fdopen(writing_end, "wb", _CHUNK) as out:
            file.write_records(frozenset(positions.values()), out)
    except BrokenPipeError:
        pass  # DuckDB gave up, and its fault says why.
    finally:
        loader.join()
    if faults:
        raise faults[0]
    return file.n_records


def _load_parquet(
    connection: duckdb.DuckDBPyConnection,
    descriptor: int,
    file_name: str,
    table: InputTable,
    warn: Warn,
) -> int:
    """Load a Parquet file's records as text into the table; return their number.

    A record's line number is the one that it would have in a CSV file: the header is line 1.
    """
    # By descriptor, so that it is the file that was hashed, and `[` in a name is no pattern.
    file = f"read_parquet('/dev/fd/{descriptor}', file_row_number = true)"
    try:
        header = _parquet_header(connection, f"/dev/fd/{descriptor}")
        positions = _positions(header, file_name, None, table, warn)
        if _ROW_NUMBER in header:
            raise RefusedFileError(
                file_name, "this column's name is reserved; rename it.", None, _ROW_NUMBER
            )
        types = [row[1] for row in connection.execute(f"describe from {file}").fetchall()]
        for name, at in positions.items():
            if not types[at].startswith(_CELL_TYPES) or types[at].endswith("]"):
                raise RefusedFileError(
                    file_name, "neither text nor a number, a boolean or a date.", None, name
                )
        cells = {name: f"cast(#{at + 1} as varchar)" for name, at in positions.items()}
        texts = [f"#{at + 1}" for at, kind in enumerate(types) if kind in ("VARCHAR", "JSON")]
        nul = " or ".join(f"contains(cast({text} as varchar), chr(0))" for text in texts)
        row = connection.execute(
            f"select count(*), min(file_row_number + 2) filter (where {nul or 'false'}) from {file}"
        ).fetchone()
    except duckdb.OutOfMemoryException:
        raise
    # DuckDB's own words are not repeated: they may quote a cell.
    except duckdb.Error as error:
        raise RefusedFileError(
            file_name, f"cannot be read as Parquet ({type(error).__name__})."
        ) from error
    assert row is not None
    n_records, line_of_nul = row
    if line_of_nul is not None:
        raise RefusedFileError(file_name, "a NUL character.", line_of_nul)
    kept = [
        f"left({cells[name]}, {KEPT_CHARACTERS})" if name in cells else "null"
        for name in table.columns
    ]
    connection.execute(
        f"insert into {table.schema}.{table.name} "
        f"select file_row_number + 2, false, {', '.join(kept)} from {file}"
    )
    return int(n_records)


def _parquet_header(connection: duckdb.DuckDBPyConnection, file: str) -> list[str]:
    """Return the names of a Parquet file's columns as they stand there, folded.

    DuckDB's own reading would rename the second of two columns with one name.
    """
    (_, _), *elements = connection.execute(
        "select name, coalesce(num_children, 0) from parquet_schema(?)", [file]
    ).fetchall()
    names = []
    # The schema is a tree, written depth first; columns are the children of its root.
    n_open: list[int] = []
    for name, n_children in elements:
        if not n_open:
            names.append(folded_heading(name))
        else:
            n_open[-1] -= 1
        if n_children:
            n_open.append(n_children)
        while n_open and n_open[-1] == 0:
            n_open.pop()
    return names


def _positions(
    header: list[str], file_name: str, line_number: int | None, table: InputTable, warn: Warn
) -> dict[str, int]:
    """Return where in a record each of the table's columns stands, if it does.

    Raises:
        RefusedFileError: a column is named twice, or a required one is missing.
    """
    for column in table.columns:
        n_times = header.count(column)
        if n_times > 1:
            raise RefusedFileError(
                file_name, "the header names this column twice.", line_number, column
            )
        if n_times == 0 and column in table.required_columns:
            raise RefusedFileError(
                file_name, "the header does not name this column.", line_number, column
            )
    # An unknown heading is not repeated here: where a header line is missing it is data.
    unknown = [at for at, name in enumerate(header, start=1) if name not in table.columns]
    named = [header[at - 1] for at in unknown if header[at - 1]]
    if len(named) != len(set(named)):
        raise RefusedFileError(file_name, "the header names a column twice.", line_number)
    if unknown:
        places = ", ".join(str(at) for at in unknown)
        warn(f"{file_name}: unknown columns are ignored (number {places} of the header).")
    for column in table.columns:
        if column not in header:
            warn(f"{file_name}: no column {column}; taken as empty.")
    return {column: header.index(column) for column in table.columns if column in header}


def _warn_of_empty_rescue_flags(
    connection: duckdb.DuckDBPyConnection, file_name: str, warn: Warn
) -> None:
    """An own row replaces the shipped one, so that a cell left empty can switch a rule off."""
    for (line_number,) in connection.execute(
        "select line_number from raw_reference.ingredients "
        "where coalesce(trim(is_rescue), '') = '' order by line_number"
    ).fetchall():
        warn(
            f"{file_name}, line {line_number}: is_rescue is empty, so this ingredient is no rescue "
            "drug, even if it is shipped as one."
        )
