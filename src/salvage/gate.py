"""The gate: strict reading of a folder of CSV files into all-text tables (SPEC 1).

A file is read once, as a stream: its SHA-256, its records and their line numbers come from
the same bytes. What a record is worth is judged later, in SQL; here a file as a whole is let
in or refused.
"""

import codecs
import csv
import hashlib
import io
import stat
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
from tqdm import tqdm

from salvage.errors import RefusedFileError, SalvageError
from salvage.project import InputTable, input_tables

NEEDED_TABLES = frozenset({"patients", "drug_exposures"})
PROTOCOL_TABLES = frozenset({"protocols", "protocol_arms"})
NEVER_EMPTY_TABLES = PROTOCOL_TABLES | {"patients"}

# A longer cell is `field_too_long` (SPEC 1); one character more is enough to show it.
_KEPT_CHARACTERS = 10_001
_OTHER_DELIMITERS = {";": "semicolon", "\t": "tab", "|": "vertical bar"}
# Beyond this an unterminated quote is swallowing the file.
_LONGEST_CELL = 64 * 1024 * 1024
_CHUNK = 1024 * 1024


@dataclass(frozen=True)
class LoadedFile:
    """What the gate measured of one input file."""

    table_name: str
    file_name: str
    sha256: str
    n_records: int


class _HashedBytes(io.RawIOBase):
    """The bytes of a file, hashed as they are read."""

    def __init__(self, path: Path, progress: Callable[[int], object]) -> None:
        self._file = path.open("rb")
        self._progress = progress
        self.sha256 = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        n_bytes = self._file.readinto(buffer)
        self.sha256.update(buffer[:n_bytes])
        self._progress(n_bytes)
        return n_bytes

    def close(self) -> None:
        self._file.close()
        super().close()


def load_folder(
    folder: Path, warehouse: Path, warn: Callable[[str], object], show_progress: bool = True
) -> list[LoadedFile]:
    """Load a study's folder into schemas `raw` and `raw_reference` of the private warehouse.

    Args:
        folder: holds `<table>.csv` for the tables of SPEC 1 and, optionally, the study's own
            reference files.
        warehouse: DuckDB file; written to, created where absent.
        warn: called with a sentence for each thing that is allowed but should be seen.
        show_progress: draw a progress bar on standard error.

    Returns:
        The five-table files that were read, in the contract's order.

    Raises:
        SalvageError: the folder or a needed file is missing, or protocols.csv and
            protocol_arms.csv do not come together.
        RefusedFileError: a file is refused whole.
    """
    if not folder.is_dir():
        raise SalvageError(f"The input folder {folder} does not exist or is not a folder.")
    clinic, reference = input_tables("clinic"), input_tables("own_reference")
    paths = {name: _find_file(folder, name) for name in (*clinic, *reference)}
    for name in sorted(NEEDED_TABLES):
        if paths[name] is None:
            raise SalvageError(f"The input folder holds no {name}.csv, which is needed.")
    if len(lone := {name for name in PROTOCOL_TABLES if paths[name]}) == 1:
        raise SalvageError(
            f"The input folder holds {lone.pop()}.csv alone: protocols.csv and "
            "protocol_arms.csv replace the shipped protocol together."
        )
    loaded = []
    total = sum(path.stat().st_size for path in paths.values() if path and path.is_file())
    with (
        duckdb.connect(str(warehouse)) as connection,
        tqdm(
            total=total, desc="reading", unit="B", unit_scale=True, disable=not show_progress
        ) as bar,
    ):
        connection.execute("create schema if not exists raw")
        connection.execute("create schema if not exists raw_reference")
        for table in (*clinic.values(), *reference.values()):
            path = paths[table.name]
            if path is None:
                _create_table(connection, table)
                if table.name in clinic:
                    warn(f"{table.name}: no file; taken as empty.")
                continue
            file = _load_file(connection, path, table, warn, bar.update)
            if table.name == "ingredients":
                _warn_of_empty_rescue_flags(connection, path.name, warn)
            if table.name in clinic:
                loaded.append(file)
        connection.execute(
            "create or replace table raw.input_files (table_name varchar, file_name varchar,"
            " file_sha256 varchar, n_records bigint)"
        )
        connection.executemany(
            "insert into raw.input_files values (?, ?, ?, ?)",
            [(file.table_name, file.file_name, file.sha256, file.n_records) for file in loaded],
        )
    return loaded


def _find_file(folder: Path, table_name: str) -> Path | None:
    """Return the table's file in the folder, None where there is none."""
    if (folder / f"{table_name}.parquet").exists():
        raise RefusedFileError(
            f"{table_name}.parquet", "Parquet input is not read by this version; bring a CSV file."
        )
    path = folder / f"{table_name}.csv"
    return path if path.exists() or path.is_symlink() else None


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
    warn: Callable[[str], object],
    progress: Callable[[int], object],
) -> LoadedFile:
    """Read one CSV file into its all-text table, or refuse it whole.

    The records go through a normalised copy, every cell quoted, so that DuckDB has nothing to
    guess; the copy is deleted again.
    """
    _create_table(connection, table)
    _refuse_unless_regular(path)
    n_records = 0
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", newline="", suffix=".csv", dir=_private_folder(connection)
    ) as copy:
        writer = csv.writer(copy, quoting=csv.QUOTE_ALL, lineterminator="\n")
        hashed = _HashedBytes(path, progress)
        try:
            for record in _records(hashed, path, table, warn):
                writer.writerow(record)
                n_records += 1
        finally:
            hashed.close()
        if n_records == 0:
            if table.name in NEVER_EMPTY_TABLES:
                raise RefusedFileError(path.name, "the file has a header and no records.")
            warn(f"{path.name}: the file has a header and no records.")
        copy.flush()
        # Parameters of read_csv say everything: DuckDB guesses nothing about our own copy.
        types = {"line_number": "bigint", "has_wrong_field_count": "boolean"}
        types |= dict.fromkeys(table.columns, "varchar")
        if n_records:
            connection.execute(
                f"insert into {table.schema}.{table.name} select * from read_csv(?, "
                f"columns = {types}, header = false, auto_detect = false, delim = ',', "
                "quote = '\"', escape = '\"', new_line = '\\n', strict_mode = true)",
                [copy.name],
            )
    loaded = connection.execute(f"select count(*) from {table.schema}.{table.name}").fetchone()
    if loaded != (n_records,):
        raise RefusedFileError(path.name, "not every record reached the database; please report.")
    return LoadedFile(table.name, path.name, hashed.sha256.hexdigest(), n_records)


def _warn_of_empty_rescue_flags(
    connection: duckdb.DuckDBPyConnection, file_name: str, warn: Callable[[str], object]
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


def _private_folder(connection: duckdb.DuckDBPyConnection) -> Path:
    row = connection.execute(
        "select path from duckdb_databases() where database_name = current_database()"
    ).fetchone()
    assert row is not None
    return Path(row[0]).parent


def _refuse_unless_regular(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
        if not stat.S_ISREG(mode):
            raise RefusedFileError(path.name, "not a regular file (a folder, a link or a device).")
        with path.open("rb"):
            pass
    except OSError as error:
        raise RefusedFileError(path.name, f"cannot be read ({error.strerror}).") from error


def _records(
    hashed: _HashedBytes,
    path: Path,
    table: InputTable,
    warn: Callable[[str], object],
) -> Iterator[list[object]]:
    """Yield line number, wrong-field-count flag and the table's cells of each record."""
    csv.field_size_limit(_LONGEST_CELL)
    text = io.TextIOWrapper(io.BufferedReader(hashed, _CHUNK), encoding="utf-8-sig", newline="")
    reader = csv.reader(_lines_without_nul(text), strict=True)
    first_line = 1
    header: list[str] | None = None
    positions: list[int | None] = []
    try:
        for cells in reader:
            line_number, first_line = first_line, reader.line_num + 1
            if not cells:
                continue
            if header is None:
                header = [cell.strip().casefold() for cell in cells]
                positions = _positions(header, path.name, line_number, table, warn)
            elif len(cells) != len(header):
                yield [line_number, True, *("" for _ in table.columns)]
            else:
                yield [
                    line_number,
                    False,
                    *("" if at is None else cells[at][:_KEPT_CHARACTERS] for at in positions),
                ]
    except UnicodeDecodeError as error:
        raise RefusedFileError(
            path.name, "not UTF-8; save the file as CSV UTF-8.", _first_undecodable_line(path)
        ) from error
    except _NulCharacterError as error:
        raise RefusedFileError(path.name, "a NUL character.", error.line_number) from error
    except csv.Error as error:
        raise RefusedFileError(path.name, _quoting_fault(error), first_line) from error
    if header is None:
        raise RefusedFileError(path.name, "the file is empty; a header line is needed.")


class _NulCharacterError(Exception):
    def __init__(self, line_number: int) -> None:
        super().__init__(line_number)
        self.line_number = line_number


def _lines_without_nul(text: io.TextIOWrapper) -> Iterator[str]:
    for line_number, line in enumerate(text, start=1):
        if "\0" in line:
            raise _NulCharacterError(line_number)
        yield line


def _quoting_fault(error: csv.Error) -> str:
    message = str(error)
    if "field larger than" in message:
        return "a cell of more than 64 MiB; a quotation mark is probably not closed."
    if "unexpected end of data" in message:
        return "a quotation mark is opened and not closed before the end of the file."
    return "text after a closing quotation mark."


def _first_undecodable_line(path: Path) -> int | None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        for line_number, line in enumerate(file, start=1):
            try:
                decoder.decode(line)
            except UnicodeDecodeError:
                return line_number
    return None


def _positions(
    header: list[str],
    file_name: str,
    line_number: int,
    table: InputTable,
    warn: Callable[[str], object],
) -> list[int | None]:
    """Return where in a record each of the table's columns stands, None where it does not.

    Raises:
        RefusedFileError: another delimiter, a duplicated column, or a required one missing.
    """
    if len(header) == 1:
        for delimiter, name in _OTHER_DELIMITERS.items():
            if delimiter in header[0]:
                raise RefusedFileError(
                    file_name, f"cells are parted by a {name}; a comma is needed.", line_number
                )
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
    return [header.index(column) if column in header else None for column in table.columns]
