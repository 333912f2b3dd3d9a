"""The corpus of bad input (tests/corpus): each case ends exactly as worked out by hand."""

import csv
import errno
import hashlib
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from salvage.errors import RefusedFileError, SalvageError
from salvage.project import input_tables
from tests.corpus.cases import Case, all_cases, contents, line_numbers, study_of, write_case
from tests.harness import Marts, Warehouse
from tests.oracle.csv_bytes import Refusal, read_csv
from tests.oracle.oracle import BAD_VALUE, TABLES, Record, account_for_rows

CASES = {case.name: case for case in all_cases()}
QUALITY_MARTS = ["dq_row_ledger", "dq_quarantine", "dq_unmapped_names"]

# SPEC 1, in its order
REASONS = ["wrong_field_count", "field_too_long", "missing_required"]
REASONS += ["bad_id", "bad_date", "bad_number", "bad_boolean", "bad_code", "duplicate_key"]
REASONS += ["birth_after_death", "follow_up_before_birth", "orphan_patient", "end_before_start"]
REASONS += ["before_birth", "after_death", "after_cutoff"]
# Reasons of one step go by column. Two steps that no record can reach together are left out:
# only patients have step 6 and they have none after it; an accepted patient does not die before
# birth, so that nothing is both before_birth and after_death.
CONSECUTIVE = [
    ("wrong_field_count", "field_too_long"),
    ("field_too_long", "missing_required"),
    *(("missing_required", reason) for reason in sorted(set(BAD_VALUE.values()))),
    ("bad_id", "bad_date"),
    ("bad_id", "bad_number"),
    ("bad_date", "bad_number"),
    ("bad_date", "bad_boolean"),
    ("bad_date", "bad_code"),
    ("bad_number", "bad_date"),
    ("bad_number", "bad_boolean"),
    ("bad_boolean", "bad_date"),
    ("bad_code", "bad_date"),
    ("bad_code", "bad_number"),
    *((reason, "duplicate_key") for reason in sorted(set(BAD_VALUE.values()))),
    ("duplicate_key", "birth_after_death"),
    ("duplicate_key", "follow_up_before_birth"),
    ("birth_after_death", "follow_up_before_birth"),
    ("duplicate_key", "orphan_patient"),
    ("orphan_patient", "end_before_start"),
    ("end_before_start", "before_birth"),
    ("end_before_start", "after_death"),
    ("end_before_start", "after_cutoff"),
    ("before_birth", "after_cutoff"),
    ("after_death", "after_cutoff"),
]


# ---- The corpus covers what it must --------------------------------------------------------------


def test_it_is_large_and_every_name_is_one_case() -> None:
    assert len(all_cases()) >= 120
    assert len(CASES) == len(all_cases())


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_occurs_alone(reason: str) -> None:
    assert [case.name for case in CASES.values() if set(case.reasons) == {reason}]


@pytest.mark.parametrize(("first", "second"), CONSECUTIVE)
def test_every_pair_of_consecutive_reasons_occurs(first: str, second: str) -> None:
    assert [case.name for case in CASES.values() if case.order == (first, second)]


@pytest.mark.parametrize("name", [case.name for case in CASES.values() if case.order])
def test_both_reasons_of_a_pair_apply_to_one_record(name: str) -> None:
    case = CASES[name]
    assert case.order is not None and case.mended is not None
    first, second = case.order
    assert case.places_of(first) & case.mended.places_of(second)


def test_counts_and_quarantine_of_a_case_agree() -> None:
    for case in CASES.values():
        for table, (n_records, n_accepted, n_collapsed, n_quarantined) in case.counts.items():
            assert n_records == n_accepted + n_collapsed + n_quarantined, case.name
            assert n_quarantined == len(case.quarantine[table]), case.name


# ---- Gate and SQL --------------------------------------------------------------------------------


@pytest.fixture
def unreadable_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let root, to whom every file is readable, be told what others are."""

    def open_as_others(path: Any, *arguments: Any, **named: Any) -> int:
        if isinstance(path, Path) and not path.stat().st_mode & 0o444:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return os_open(path, *arguments, **named)

    os_open = os.open
    if os.geteuid() == 0:
        monkeypatch.setattr(os, "open", open_as_others)


@pytest.mark.parametrize(
    "name", [name for name, case in CASES.items() if not case.is_about_records]
)
def test_case_about_files_ends_as_worked_out(
    warehouse: Warehouse, name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    case = CASES[name]
    if any(spec.get("kind") == "unreadable" for spec in case.files.values()):
        request.getfixturevalue("unreadable_files")
    for step in [case, case.mended] if case.mended else [case]:
        folder = tmp_path / ("mended" if step is case.mended else "given")
        folder.mkdir()
        assert_outcome(warehouse, step, write_case(step, folder))


@pytest.mark.parametrize("step", ["given", "mended"])
def test_cases_about_records_end_as_worked_out(
    warehouse: Warehouse, step: str, tmp_path: Path
) -> None:
    """All in one folder, since each alone costs minutes; lines, reasons and counts of each."""
    cases = [case for case in CASES.values() if case.is_about_records]
    if step == "mended":
        cases = [case.mended for case in cases if case.mended]
    study = study_of(cases)
    folder = write_case(study, tmp_path)
    assert_outcome(warehouse, study, folder)

    accounted = {table: f"int_{table}_accounted" for table in TABLES}
    rows = warehouse.build_from_folder(folder, print, wanted=list(accounted.values()))
    dispositions = {
        table: {row["line_number"]: row["disposition"] for row in rows[model]}
        for table, model in accounted.items()
    }
    lines = {table: iter(line_numbers(records)) for table, records in study.records.items()}
    for case in cases:
        for table, records in case.records.items():
            own_lines = islice(lines[table], len(records))
            found = Counter(dispositions[table][line] for line in own_lines)
            counts = (found["accepted"], found["collapsed"], found["quarantined"])
            assert (found.total(), *counts) == case.counts[table], case.name


def assert_outcome(warehouse: Warehouse, case: Case, folder: Path) -> None:
    messages: list[str] = []
    wanted = [*QUALITY_MARTS, *(["int_reference_problems"] if case.files else [])]
    try:
        marts = warehouse.build_from_folder(folder, messages.append, case.cutoff, wanted)
    except RefusedFileError as error:
        messages.append(str(error))
        found = (error.file_name, error.line_number, error.column_name)
        assert case.refused, error
        expected = case.refused
        assert found == (expected.file_name, expected.line_number, expected.column_name), error
        assert expected.cause in error.cause
    except SalvageError as error:
        messages.append(str(error))
        assert case.stopped and case.stopped in str(error), error
    else:
        assert not case.refused and not case.stopped
        assert_marts(case, marts, folder)
    for phrase in case.warned:
        assert [message for message in messages if phrase in message], messages
    assert_no_cell_in(messages, contents(case).values())


def assert_marts(case: Case, marts: Marts, folder: Path) -> None:
    ledger = {row["table_name"]: row for row in marts["dq_row_ledger"]}
    found = {
        table: (row["n_records"], row["n_accepted"], row["n_collapsed"], row["n_quarantined"])
        for table, row in ledger.items()
    }
    assert found == case.counts
    quarantine: dict[str, list[object]] = {table: [] for table in found}
    for row in sorted(marts["dq_quarantine"], key=lambda row: int(row["line_number"])):
        quarantine[row["table_name"]].append(
            (row["line_number"], row["reason"], row["column_name"])
        )
    assert quarantine == case.quarantine
    unmapped = {(row["table_name"], row["line_number"]) for row in marts["dq_unmapped_names"]}
    assert unmapped == set(case.unmapped)
    problems = {
        (row["table_name"], row["line_number"], row["reason"], row["column_name"])
        for row in marts.get("int_reference_problems", [])
    }
    assert problems == set(case.reference_problems)
    for table, row in ledger.items():
        is_parquet = f"{table}.parquet" in case.files
        assert row["file_name"] == f"{table}.{'parquet' if is_parquet else 'csv'}"
        content = (folder / row["file_name"]).read_bytes()
        assert row["file_sha256"] == hashlib.sha256(content).hexdigest()


def assert_no_cell_in(messages: Iterable[str], files: Iterable[bytes]) -> None:
    """No message repeats what stands in a file, but the words of the contract."""
    declared = [*input_tables("clinic").values(), *input_tables("own_reference").values()]
    contract = " ".join(word for table in declared for word in (table.name, *table.columns))
    for content in files:
        for encoding in ("utf-8", "utf-16"):
            text = content[:100_000].decode(encoding, "replace")
            cells = {cell.strip() for cell in re.split('[,;\t|:^"\r\n\0]', text)}
            # Shorter ones, and words of the contract's words, are found by chance.
            telling = [cell for cell in cells if len(cell) > 3 and cell not in contract]
            for message in messages:
                assert not [cell for cell in telling if cell in message], message


# ---- The independent reader and oracle -----------------------------------------------------------


def is_all_csv(case: Case) -> bool:
    """Whether the case's outcome follows from the bytes of the five CSV files alone."""
    names = {f"{table}.csv" for table in TABLES}
    return not case.stopped and all(
        name in names and spec.get("kind", "absent") == "absent"
        for name, spec in case.files.items()
    )


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if is_all_csv(case)])
def test_oracle_agrees_with_what_was_worked_out(name: str) -> None:
    """A second opinion on what is expected, from the bytes of the files."""
    case = CASES[name]
    for step in [case, case.mended] if case.mended else [case]:
        files = contents(step)
        read = {
            table: read_csv(files[f"{table}.csv"], table)
            for table in TABLES
            if f"{table}.csv" in files
        }
        refusals = {
            f"{table}.csv": result for table, result in read.items() if isinstance(result, Refusal)
        }
        if step.refused:
            assert {
                name: (refusal.line_number, refusal.column_name)
                for name, refusal in refusals.items()
            } == {step.refused.file_name: (step.refused.line_number, step.refused.column_name)}
            continue
        assert not refusals
        tables: dict[str, list[Record]] = {
            table: result for table, result in read.items() if not isinstance(result, Refusal)
        }
        _, ledger, quarantine = account_for_rows(tables, step.cutoff)
        counts = {
            row["table_name"]: (
                row["n_records"],
                row["n_accepted"],
                row["n_collapsed"],
                row["n_quarantined"],
            )
            for row in ledger
        }
        assert counts == step.counts
        faults: dict[str, list[object]] = {table: [] for table in counts}
        for row in quarantine:
            faults[row["table_name"]].append(
                (row["line_number"], row["reason"], row["column_name"])
            )
        assert faults == step.quarantine


# ---- The real command ----------------------------------------------------------------------------


@pytest.mark.slow
def test_salvage_check_reports_many_cases_at_once(tmp_path: Path) -> None:
    """All cases about records alone in one folder, through the real command line."""
    cases = [case for case in CASES.values() if case.is_about_records]
    assert len(cases) >= 300
    study = study_of(cases)
    folder = write_case(study, tmp_path)
    command = [str(Path(sys.executable).with_name("salvage")), "check", "--input", str(folder)]
    output = tmp_path / "output"
    run = subprocess.run(
        [*command, "--output", str(output)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 1, run.stderr

    def report(name: str) -> list[dict[str, str]]:
        with (output / "check" / name).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    counted = ("records", "accepted", "collapsed", "quarantined")
    assert {
        row["file"]: tuple(int(row[column]) for column in counted)
        for row in report("row_ledger.csv")
    } == {f"{table}.csv": counts for table, counts in study.counts.items()}
    assert {
        (row["file"], int(row["line"]), row["reason"], row["column"] or None)
        for row in report("quarantine.csv")
    } == {
        (f"{table}.csv", *fault) for table, faults in study.quarantine.items() for fault in faults
    }
    assert {(row["file"], int(row["line"])) for row in report("unmapped_names.csv")} == {
        (f"{table}.csv", line) for table, line in study.unmapped
    }
    # Every id that is one ends with its case's number, so that none is found by chance.
    ids = {fields[0] for records in study.records.values() for fields in records}
    printed = run.stdout + run.stderr
    assert not [key for key in ids if re.search(r"\.[0-9]+$", key) and key in printed]
