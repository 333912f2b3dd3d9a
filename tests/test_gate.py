"""The gate lets a file in whole or refuses it whole (SPEC 1), with file, line and cause."""

import csv
import io
import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from salvage.csv_file import CsvFile
from salvage.errors import RefusedFileError, SalvageError
from salvage.gate import LoadedFile, load_folder
from salvage.project import DEMO_DIR, InputTable

HEADER = "patient_id,birth_date,sex,diagnosis,diagnosis_date,steroid_refractory,"
HEADER += "last_follow_up_date,death_date"
RECORD = "P1,1970-01-01,F,ulcerative colitis,2000-01-01,true,2005-01-01,"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the demo's five files."""
    copy = tmp_path / "study"
    shutil.copytree(DEMO_DIR, copy)
    return copy


def load(folder: Path) -> tuple[list[LoadedFile], list[str]]:
    warnings: list[str] = []
    with duckdb.connect(str(folder.parent / "warehouse.duckdb")) as connection:
        loaded = load_folder(folder, connection, warnings.append, False)
    return loaded, warnings


def patients(folder: Path) -> list[tuple[object, ...]]:
    with duckdb.connect(str(folder.parent / "warehouse.duckdb"), read_only=True) as connection:
        return connection.execute(
            "select line_number, has_wrong_field_count, patient_id, diagnosis, death_date "
            "from raw.patients order by line_number"
        ).fetchall()


def write(path: Path, content: str | bytes) -> None:
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))


REFUSED: dict[str, tuple[str | bytes, str]] = {
    "empty_file": ("", "patients.csv: the file is empty"),
    "header_only": (HEADER + "\n", "patients.csv: the file has a header and no records"),
    "latin_1": (f"{HEADER}\n{RECORD}\n".encode() + b"P2,,,M\xfcnchen,,,,\n", "line 3: not UTF-8"),
    "utf_16": (f"{HEADER}\n{RECORD}\n".encode("utf-16"), "line 1: not UTF-8"),
    "nul_character": (f"{HEADER}\n{RECORD}\nP2,\0,,,,,,\n", "line 3: a NUL character"),
    "semicolons": (HEADER.replace(",", ";") + "\n", "line 1: cells are parted by a semicolon"),
    "tabs": (HEADER.replace(",", "\t") + "\n", "line 1: cells are parted by a tab"),
    "quote_not_closed": (f'{HEADER}\n{RECORD}\n"P2,,,,,,,\n', "line 3: a quotation mark is opened"),
    "text_after_closing_quote": (f'{HEADER}\n"P1"x{RECORD[2:]}\n', "line 2: text after a closing"),
    "required_column_missing": (
        HEADER.replace("last_follow_up_date", "last_visit") + f"\n{RECORD}\n",
        "line 1, column last_follow_up_date: the header does not name",
    ),
    "column_twice": (
        HEADER.replace("diagnosis_date", "SEX") + f"\n{RECORD}\n",
        "line 1, column sex: the header names this column twice",
    ),
    "unknown_column_twice": (f"{HEADER},x,x\n{RECORD},,\n", "the header names a column twice"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_file_is_refused_with_place_and_cause(folder: Path, case: str) -> None:
    content, message = REFUSED[case]
    write(folder / "patients.csv", content)
    with pytest.raises(RefusedFileError) as refusal:
        load(folder)
    assert message in str(refusal.value)
    assert str(refusal.value).startswith("patients.csv")


def _make_folder(path: Path) -> None:
    path.mkdir()


def _make_link(path: Path) -> None:
    path.symlink_to(DEMO_DIR / "patients.csv")


def _make_fifo(path: Path) -> None:
    import os

    os.mkfifo(path)


@pytest.mark.parametrize("make", [_make_folder, _make_link, _make_fifo])
def test_only_a_regular_file_is_read(folder: Path, make: Callable[[Path], None]) -> None:
    (folder / "patients.csv").unlink()
    make(folder / "patients.csv")
    with pytest.raises(RefusedFileError, match="not a regular file"):
        load(folder)


@pytest.mark.parametrize("table", ["patients", "drug_exposures"])
def test_needed_file_must_be_there(folder: Path, table: str) -> None:
    (folder / f"{table}.csv").unlink()
    with pytest.raises(SalvageError, match=f"no {table}.csv"):
        load(folder)


def test_missing_folder_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SalvageError, match="does not exist"):
        load(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["protocols.csv", "protocol_arms.csv"])
def test_protocol_files_come_together(folder: Path, name: str) -> None:
    shutil.copy(DEMO_DIR.parent / "reference" / name, folder)
    with pytest.raises(SalvageError, match="together"):
        load(folder)


def test_other_three_files_may_be_absent(folder: Path) -> None:
    absent = ["disease_assessments", "procedures", "adverse_events"]
    for table in absent:
        (folder / f"{table}.csv").unlink()
    loaded, warnings = load(folder)
    assert [file.table_name for file in loaded] == ["patients", "drug_exposures"]
    assert [f"{table}: no file; taken as empty." in warnings for table in absent] == [True] * 3


def test_columns_are_matched_by_name_in_any_order_and_case(folder: Path) -> None:
    write(
        folder / "patients.csv",
        "Death_Date, DIAGNOSIS ,Patient_ID,ward,last_follow_up_date\n"
        "2004-01-01,uc,P1,west,2005-01-01\n",
    )
    _, warnings = load(folder)
    assert patients(folder) == [(2, False, "P1", "uc", "2004-01-01")]
    assert "patients.csv: unknown columns are ignored (number 4 of the header)." in warnings
    assert "patients.csv: no column birth_date; taken as empty." in warnings


def test_line_number_is_where_the_record_starts(folder: Path) -> None:
    write(
        folder / "patients.csv",
        f'\ufeff{HEADER}\r\n\r\n{RECORD}\r\nP2,,,"ulcerative\r\n""colitis""",,,2005-01-01,\r\n'
        "P3,too,few\r\n,,,,,,,\r\n",
    )
    loaded, _ = load(folder)
    assert patients(folder) == [
        (3, False, "P1", "ulcerative colitis", None),
        (4, False, "P2", 'ulcerative\r\n"colitis"', None),
        (6, True, None, None, None),
        (7, False, None, None, None),
    ]
    assert loaded[0].n_records == 4


def test_long_cell_is_kept_long_enough_to_be_seen(folder: Path) -> None:
    write(folder / "patients.csv", f"{HEADER}\n{RECORD.replace('ulcerative', 'x' * 20_000)}\n")
    load(folder)
    ((_, _, _, diagnosis, _),) = patients(folder)
    assert len(str(diagnosis)) == 10_001


def test_protocol_without_records_does_not_fall_back_to_the_shipped_one(folder: Path) -> None:
    for name in ("protocols.csv", "protocol_arms.csv"):
        header, *_ = (DEMO_DIR.parent / "reference" / name).read_text().splitlines()
        (folder / name).write_text(header + "\n")
    with pytest.raises(RefusedFileError, match=r"protocols\.csv: the file has a header and no"):
        load(folder)


def test_file_under_a_name_that_is_almost_right_is_not_missed_in_silence(folder: Path) -> None:
    (folder / "procedures.csv").rename(folder / "Procedures.csv")
    _, warnings = load(folder)
    assert "procedures: no file; taken as empty." in warnings
    assert any(warning.startswith("Procedures.csv is not read") for warning in warnings)


def test_refused_file_leaves_nothing_of_the_folder(folder: Path) -> None:
    (folder / "procedures.csv").write_text("procedure_id\n")
    with pytest.raises(RefusedFileError):
        load(folder)
    with duckdb.connect(str(folder.parent / "warehouse.duckdb"), read_only=True) as connection:
        assert connection.execute("select count(*) from duckdb_tables()").fetchone() == (0,)


def test_file_that_changes_while_it_is_read_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from salvage import gate

    def appended(*arguments: Any) -> int:
        n_records = original(*arguments)
        with (folder / "patients.csv").open("a") as file:
            file.write(RECORD + "\n")
        return n_records

    original = gate._load_csv
    monkeypatch.setattr(gate, "_load_csv", appended)
    with pytest.raises(RefusedFileError, match=r"patients\.csv: the file changed"):
        load(folder)


# ---- Blocks of lines -----------------------------------------------------------------------------


def csv_records(chunks: list[bytes]) -> list[list[str]] | None:
    """What CsvFile makes of a file that arrives in these pieces; None: it is refused."""
    out = io.BytesIO()
    try:
        file = CsvFile(chunks, "f.csv", {"a"})
        file.write_records(range(len(file.header)), out)
    except RefusedFileError:
        return None
    records = list(csv.reader(io.StringIO(out.getvalue().decode(), newline="")))
    assert len(records) == file.n_records
    return [file.header, *records]


PIECES = ["a", "b,c", ",", ",,", "\n", "\r\n", "\r", '"', '""', '"x\ny"', "ü", "1,2,3\n", "1,2\r\n"]


@given(
    text=st.lists(st.sampled_from(PIECES), max_size=40).map("".join),
    cuts=st.lists(st.integers(0, 80), max_size=8).map(sorted),
)
@example(text="1,2,3\n1,2,3\r\n", cuts=[12])
@example(text='1,"2\n2",3\n4,5,6\n', cuts=[5])
def test_it_does_not_matter_how_a_file_is_cut_into_blocks(text: str, cuts: list[int]) -> None:
    """Regular blocks, blocks read record by record and records across blocks: one result."""
    content = ("a,b,c\n" + text).encode()
    ends = [0, *(min(cut, len(content)) for cut in cuts), len(content)]
    chunks = [content[start:end] for start, end in itertools.pairwise(ends)]
    assert csv_records([chunk for chunk in chunks if chunk]) == csv_records([content])


# ---- Parquet -------------------------------------------------------------------------------------


def write_parquet(folder: Path, table: str, query: str) -> None:
    """Replace a table's CSV file by a Parquet file; `source` in the query is the CSV's text."""
    path = folder / f"{table}.csv"
    with duckdb.connect() as connection:
        connection.execute(
            f"create view source as from read_csv('{path}', all_varchar = true, header = true)"
        )
        connection.execute(f"copy ({query}) to '{path.with_suffix('.parquet')}' (format parquet)")
    path.unlink()


def raw_rows(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    with duckdb.connect(str(folder.parent / "warehouse.duckdb"), read_only=True) as connection:
        tables = connection.execute(
            "select table_name from duckdb_tables() where table_name <> 'input_files'"
        ).fetchall()
        return {
            name: connection.execute(f"from raw.{name} order by line_number").fetchall()
            for (name,) in tables
            if name in ("patients", "drug_exposures", "procedures")
        }


TYPED = {
    "patients": "select * replace (cast(birth_date as date) as birth_date, "
    "cast(steroid_refractory as boolean) as steroid_refractory, "
    "cast(last_follow_up_date as date) as last_follow_up_date) from source",
    "drug_exposures": "select * replace (cast(start_date as date) as start_date, "
    "cast(end_date as date) as end_date) from source",
    "procedures": "select procedure_date, PROCEDURE_NAME, [1] as nested, patient_id, procedure_id "
    "from source",
}


@pytest.mark.parametrize("typed", [False, True], ids=["text", "typed"])
def test_parquet_gives_the_cells_and_lines_of_the_csv_file(folder: Path, typed: bool) -> None:
    load(folder)
    expected = raw_rows(folder)
    for table in TYPED:
        write_parquet(folder, table, TYPED[table] if typed else "from source")
    loaded, warnings = load(folder)
    assert raw_rows(folder) == expected
    assert [file.file_name for file in loaded][:2] == ["patients.parquet", "drug_exposures.parquet"]
    unknown = "procedures.parquet: unknown columns are ignored (number 3 of the header)."
    assert (unknown in warnings) == typed


PARQUET_REFUSED = {
    "blob": (
        "select * replace (encode(patient_id) as patient_id) from source",
        "patients.parquet, column patient_id: neither text",
    ),
    "list": (
        "select * replace ([sex] as sex) from source",
        "patients.parquet, column sex: neither text",
    ),
    "required_column_missing": (
        "select * exclude (last_follow_up_date) from source",
        "patients.parquet, column last_follow_up_date: the header does not name this column",
    ),
    "nul_character": (
        "select * replace (diagnosis || chr(0) as diagnosis) from source order by patient_id",
        "patients.parquet, line 2: a NUL character",
    ),
    "nul_character_in_an_unknown_column": (
        "select *, 'a' || chr(0) as ward from source",
        "patients.parquet, line 2: a NUL character",
    ),
    "reserved_name": (
        "select *, 1 as file_row_number from source",
        "patients.parquet, column file_row_number: this column's name is reserved",
    ),
    "no_record": ("from source limit 0", "patients.parquet: the file has a header and no records"),
}


@pytest.mark.parametrize("case", PARQUET_REFUSED)
def test_parquet_file_is_refused_with_place_and_cause(folder: Path, case: str) -> None:
    query, message = PARQUET_REFUSED[case]
    write_parquet(folder, "patients", query)
    with pytest.raises(RefusedFileError) as refusal:
        load(folder)
    assert str(refusal.value).startswith(message)


def test_parquet_column_twice_is_refused(folder: Path) -> None:
    """In the bytes, since no writer here makes two columns of one name."""
    write_parquet(folder, "patients", "select *, sex as sey from source")
    path = folder / "patients.parquet"
    path.write_bytes(path.read_bytes().replace(b"sey", b"sex"))
    with pytest.raises(RefusedFileError, match=r"patients\.parquet, column sex: .* twice"):
        load(folder)


@pytest.mark.parametrize("content", [b"", b"patient_id\nP1\n", b"PAR1" + b"\x07" * 99 + b"PAR1"])
def test_what_is_no_parquet_is_refused(folder: Path, content: bytes) -> None:
    (folder / "patients.csv").unlink()
    (folder / "patients.parquet").write_bytes(content)
    with pytest.raises(RefusedFileError, match=r"patients\.parquet: cannot be read as Parquet"):
        load(folder)


def test_two_files_of_one_table_are_refused(folder: Path) -> None:
    (folder / "patients.parquet").touch()
    with pytest.raises(RefusedFileError, match=r"patients\.csv is there too"):
        load(folder)


def test_folder_s_name_is_no_pattern(folder: Path) -> None:
    write_parquet(folder, "procedures", "from source")
    odd = folder.rename(folder.with_name("study [1]* it's"))
    assert len(load(odd)[0]) == 5


def test_endless_line_is_refused_before_it_is_read_to_its_end() -> None:
    n_read = 0

    def chunks() -> Iterator[bytes]:
        nonlocal n_read
        while n_read < 1_000:
            n_read += 1
            yield b"x" * 1024 * 1024

    with pytest.raises(RefusedFileError, match="more than 64 MiB"):
        CsvFile(chunks(), "f.csv", {"a"})
    assert n_read < 200


def test_fault_of_the_database_ends_the_reading_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither thread waits for the other."""
    from salvage import gate

    lines = "".join(f"P{n},2005-01-01\n" for n in range(200_000))
    (folder / "patients.csv").write_text("patient_id,last_follow_up_date\n" + lines)
    create_table = gate._create_table

    def of_numbers(connection: duckdb.DuckDBPyConnection, table: InputTable) -> None:
        create_table(connection, table)
        connection.execute(
            f"alter table {table.schema}.{table.name} alter {table.columns[0]} type integer"
        )

    monkeypatch.setattr(gate, "_create_table", of_numbers)
    with pytest.raises(duckdb.ConversionException):
        load(folder)
