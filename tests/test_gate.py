"""The gate lets a file in whole or refuses it whole (SPEC 1), with file, line and cause."""

import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from salvage.errors import RefusedFileError, SalvageError
from salvage.gate import LoadedFile, load_folder
from salvage.project import DEMO_DIR

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
    loaded = load_folder(folder, folder.parent / "warehouse.duckdb", warnings.append, False)
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
