"""1 million exposures with 1% of each fault: is the ledger what was planted?

Writes two files of SYNTHETIC data: exposures with 1% of their records for each reason of SPEC 1
that an exposure can have, and 1% copies, all at random places; and patients, a tenth as many,
with faults of their own. While it writes it keeps the plan: line, reason and column of each
record that must be kept out. Then it runs the real `salvage check` as a whole process and
compares its two reports with the plan, record by record.

    .venv/bin/python bench/planted_faults.py [--rows 1000000]

Exit status 1 on any difference.
"""

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from random import Random

BIN = Path(sys.executable).parent
SEED = 20080630
SHARE = 100  # one record in so many, for each fault

EXPOSURE = (
    *("exposure_id", "patient_id", "drug_name", "route", "dose", "dose_unit"),
    *("start_date", "end_date", "stop_reason"),
)
PATIENT = (
    *("patient_id", "birth_date", "sex", "diagnosis", "diagnosis_date", "steroid_refractory"),
    *("last_follow_up_date", "death_date"),
)
TOO_LONG = "x" * 10_001
BAD_IDS = ("P 1", "-1", "P#1", "=1+1", "P\u200b1", "Ü1", "x" * 65)
BAD_DATES = ("03/04/2008", "2008-01", "20080131", "2008-02-30", "2008-01-31T00:00:00", "infinity")
BAD_NUMBERS = ("0,5", "1_000", "1,200", "NaN", "300 mg", "0", "-1", "inf", "1e999")
BAD_CODES = ("failed", "NA", "NULL", "-99", "\u017ftop")
BAD_BOOLEANS = ("maybe", "NA", "2", "oui")
# One in twenty needs quotation marks.
ROUTES = (*["iv", "per os"] * 30, "in, two doses", 'called "slow"', "with a line\nbreak")
BORN, DIED, LAST_SEEN = date(1970, 1, 1), date(2009, 6, 30), date(2012, 12, 31)

Row = dict[str, str]
Placed = tuple[str, str]  # reason and column, '' where the reason has none


@dataclass
class PlannedFile:
    """A CSV file in the making and what must become of its records.

    Attributes:
        path: the file.
        columns: its header.
        kept_out: reason and column of each record to be quarantined, by its first line.
        n_records: records written so far.
        n_collapsed: those that are copies of an accepted one.
        n_end_dates_cut: accepted exposures that run beyond the end of observation.
    """

    path: Path
    columns: Sequence[str]
    kept_out: dict[int, Placed] = field(default_factory=dict)
    n_records: int = 0
    n_collapsed: int = 0
    n_end_dates_cut: int = 0

    def __post_init__(self) -> None:
        self._file = self.path.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._writer.writerow(self.columns)
        self._line = 2

    def write(self, cells: Sequence[str], fault: Placed | None = None) -> None:
        """Write a record where the last one ended, and note what must become of it."""
        if fault:
            self.kept_out[self._line] = fault
        self._writer.writerow(cells)
        self.n_records += 1
        self._line += 1 + sum(cell.count("\n") for cell in cells)

    def skip_a_line(self) -> None:
        """Write a blank line, which is no record."""
        self._file.write("\n")
        self._line += 1

    def close(self) -> None:
        """End the file."""
        self._file.close()

    @property
    def ledger(self) -> dict[str, int]:
        """The line that the file must have in the ledger."""
        n_quarantined = len(self.kept_out)
        return {
            "records": self.n_records,
            "accepted": self.n_records - self.n_collapsed - n_quarantined,
            "collapsed": self.n_collapsed,
            "quarantined": n_quarantined,
            "end_dates_cut": self.n_end_dates_cut,
        }


def clean_patient(number: int, chance: Random) -> Row:
    """A patient born in 1970 and seen until 2012; every tenth dies before that."""
    return {
        "patient_id": f"P{number}",
        "birth_date": BORN.isoformat(),
        "sex": chance.choice("FMOUfm"),
        "diagnosis": "ulcerative colitis",
        "diagnosis_date": "2004-06-01",
        "steroid_refractory": chance.choice(("true", "T", "yes", "0", "")),
        "last_follow_up_date": LAST_SEEN.isoformat(),
        "death_date": DIED.isoformat() if number % 10 == 0 else "",
    }


def _birth_after_death(row: Row, chance: Random) -> str:
    row["death_date"] = (BORN - timedelta(days=chance.randint(1, 9_999))).isoformat()
    return "birth_date"


def _follow_up_before_birth(row: Row, chance: Random) -> str:
    row["last_follow_up_date"] = (BORN - timedelta(days=chance.randint(1, 9_999))).isoformat()
    return "last_follow_up_date"


def _bad_boolean(row: Row, chance: Random) -> str:
    row["steroid_refractory"] = chance.choice(BAD_BOOLEANS)
    return "steroid_refractory"


def clean_exposure(number: int, n_patients: int, chance: Random) -> Row:
    """An exposure within its patient's life and observation."""
    start = date(2005, 1, 1) + timedelta(days=chance.randrange(1_000))
    return {
        "exposure_id": f"E{number}",
        # Numbers 5 to 9 of ten live on and have no fault.
        "patient_id": f"P{10 * chance.randrange(n_patients // 10) + chance.randint(5, 9)}",
        "drug_name": chance.choice(("Cyclosporine", "infliximab", "REMICADE", "Neoral")),
        "route": chance.choice(ROUTES),
        "dose": f"{chance.randint(1, 900)}",
        "dose_unit": "mg",
        "start_date": start.isoformat(),
        "end_date": (start + timedelta(days=chance.randrange(60))).isoformat(),
        "stop_reason": chance.choice(("failure", "Completed", "other", "")),
    }


def _spoil(columns: Sequence[str], values: Sequence[str]) -> Callable[[Row, Random], str]:
    """A fault that puts one of the values into one of the columns."""

    def fault(row: Row, chance: Random) -> str:
        column = chance.choice(columns)
        row[column] = chance.choice(values)
        return column

    return fault


def _orphan_patient(row: Row, chance: Random) -> str:
    """Some have no patient, the others one who is kept out."""
    row["patient_id"] = chance.choice((f"N{chance.randrange(1_000_000)}", "P1", "P2", "P3"))
    return "patient_id"


def _end_before_start(row: Row, chance: Random) -> str:
    start = date.fromisoformat(row["start_date"])
    row["end_date"] = (start - timedelta(days=chance.randint(1, 999))).isoformat()
    return "end_date"


def _start_on(row: Row, day: date) -> str:
    row["start_date"], row["end_date"] = day.isoformat(), ""
    return "start_date"


def _before_birth(row: Row, chance: Random) -> str:
    return _start_on(row, BORN - timedelta(days=chance.randint(1, 9_999)))


def _after_death(row: Row, chance: Random) -> str:
    row["patient_id"] = f"P{10 * int(row['patient_id'][1:-1] or 0)}"
    return _start_on(row, DIED + timedelta(days=chance.randint(1, 999)))


def _after_cutoff(row: Row, chance: Random) -> str:
    return _start_on(row, LAST_SEEN + timedelta(days=chance.randint(1, 9_999)))


# Faults that one record has by itself, each of which makes no other.
PATIENT_FAULTS: dict[str, Callable[[Row, Random], str]] = {
    "birth_after_death": _birth_after_death,
    "follow_up_before_birth": _follow_up_before_birth,
    "bad_boolean": _bad_boolean,
}
EXPOSURE_FAULTS: dict[str, Callable[[Row, Random], str]] = {
    "field_too_long": _spoil(EXPOSURE, (TOO_LONG,)),
    "missing_required": _spoil(
        ("exposure_id", "patient_id", "drug_name", "start_date"), ("", " ", "\u3000")
    ),
    "bad_id": _spoil(("exposure_id", "patient_id"), BAD_IDS),
    "bad_date": _spoil(("start_date", "end_date"), BAD_DATES),
    "bad_number": _spoil(("dose",), BAD_NUMBERS),
    "bad_code": _spoil(("stop_reason",), BAD_CODES),
    "orphan_patient": _orphan_patient,
    "end_before_start": _end_before_start,
    "before_birth": _before_birth,
    "after_death": _after_death,
    "after_cutoff": _after_cutoff,
}


def write_patients(path: Path, n_patients: int, chance: Random) -> PlannedFile:
    """Numbers 1, 2 and 3 of each hundred have a fault each; who comes when is chance."""
    file = PlannedFile(path, PATIENT)
    for number in chance.sample(range(n_patients), n_patients):
        row = clean_patient(number, chance)
        reason = dict(enumerate(PATIENT_FAULTS, start=1)).get(number % SHARE)
        if reason is None:
            file.write(list(row.values()))
        else:
            column = PATIENT_FAULTS[reason](row, chance)
            file.write(list(row.values()), (reason, column))
    file.close()
    return file


def write_exposures(path: Path, n_rows: int, n_patients: int, chance: Random) -> PlannedFile:
    """One in a hundred for each fault, for copies and for ends to be cut; the rest is clean."""
    n_each = n_rows // SHARE
    kinds = [kind for kind in (*EXPOSURE_FAULTS, "wrong_field_count") for _ in range(n_each)]
    kinds += ["copy", "cut"] * n_each
    # Pairs that contradict each other; three where the number is odd.
    kinds += [f"duplicate_key {min(at // 2, n_each // 2 - 1)}" for at in range(n_each)]
    kinds += ["clean"] * (n_rows - len(kinds) - 1)
    chance.shuffle(kinds)
    file = PlannedFile(path, EXPOSURE)
    copied: list[Row] = []  # some of the clean records so far
    contradicted: dict[str, Row] = {}
    # The first one is clean, so that there is something to copy.
    for number, kind in enumerate(["clean", *kinds]):
        if chance.random() < 0.001:
            file.skip_a_line()
        row = clean_exposure(number, n_patients, chance)
        fault: Placed | None = None
        if kind == "clean":
            if len(copied) < 1_000 or chance.random() < 0.01:
                copied.append(row)
        elif kind == "copy":
            row = written_otherwise(chance.choice(copied), chance)
            file.n_collapsed += 1
        elif kind == "cut":
            row["end_date"] = (LAST_SEEN + timedelta(days=chance.randint(1, 999))).isoformat()
            file.n_end_dates_cut += 1
        elif kind == "wrong_field_count":
            cells = list(row.values())
            file.write(chance.choice((cells[:-1], cells[:2], [*cells, ""])), (kind, ""))
            continue
        elif kind in EXPOSURE_FAULTS:
            fault = kind, EXPOSURE_FAULTS[kind](row, chance)
        else:
            row = contradicted.setdefault(kind, row)
            row["dose"] = str(int(row["dose"]) + 1)
            fault = "duplicate_key", "exposure_id"
        file.write(list(row.values()), fault)
    file.close()
    return file


def written_otherwise(row: Row, chance: Random) -> Row:
    """A copy of a record; half of them equal it only once trimmed and parsed."""
    if chance.random() < 0.5:
        return row
    return {
        **row,
        "exposure_id": f" {row['exposure_id']}\u00a0",
        "dose": chance.choice((f"+{row['dose']}", f"{row['dose']}.0", f"{row['dose']}0e-1")),
        "stop_reason": row["stop_reason"].upper(),
    }


def reported(folder: Path) -> tuple[dict[str, dict[str, int]], Counter[tuple[str, int, Placed]]]:
    """Return what `salvage check` wrote: the ledger by file, and the records kept out."""
    with (folder / "row_ledger.csv").open(encoding="utf-8", newline="") as file:
        ledger = {row.pop("file"): row for row in csv.DictReader(file)}
    with (folder / "quarantine.csv").open(encoding="utf-8", newline="") as file:
        kept_out = Counter(
            (row["file"], int(row["line"]), (row["reason"], row["column"]))
            for row in csv.DictReader(file)
        )
    return {
        name: {column: int(value) for column, value in row.items()} for name, row in ledger.items()
    }, kept_out


def main() -> None:
    """Plant, check, compare and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="exposures; at least 2000")
    n_rows = parser.parse_args().rows
    chance = Random(SEED)
    with tempfile.TemporaryDirectory() as name:
        study, output = Path(name) / "study", Path(name) / "output"
        study.mkdir()
        planned = [
            write_patients(study / "patients.csv", n_rows // 10, chance),
            write_exposures(study / "drug_exposures.csv", n_rows, n_rows // 10, chance),
        ]
        command = [str(BIN / "salvage"), "check", "--input", str(study), "--output", str(output)]
        started = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 1:
            raise SystemExit(f"salvage check: exit status {process.returncode} instead of 1.")
        ledger, found = reported(output / "check")
    planted = Counter(
        (file.path.name, line, placed) for file in planned for line, placed in file.kept_out.items()
    )
    n_planted = Counter((name, reason) for name, _, (reason, _) in planted.elements())
    n_found = Counter((name, reason) for name, _, (reason, _) in found.elements())
    for name, reason in sorted(n_planted | n_found):
        at = (name, reason)
        print(f"{name:20} {reason:24} planted {n_planted[at]:7} found {n_found[at]:7}")
    expected_ledger = {file.path.name: file.ledger for file in planned}
    for name, counts in expected_ledger.items():
        print(f"{name:20} planned {counts}\n{'':20} found   {ledger.get(name)}")
    missed, invented = planted - found, found - planted
    for title, records in (("not found as planted", missed), ("found, not planted", invented)):
        print(f"{title}: {records.total()} {sorted(records)[:10] or ''}")
    print(
        f"salvage check of {n_rows} SYNTHETIC exposures: {wall:.0f} s wall, "
        f"{usage.ru_utime + usage.ru_stime:.0f} CPU s, peak {usage.ru_maxrss / 1024**2:.2f} GiB"
    )
    sys.exit(bool(missed or invented or ledger != expected_ledger))


if __name__ == "__main__":
    main()
