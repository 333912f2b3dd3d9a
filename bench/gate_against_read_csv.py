"""The gate against DuckDB's own `read_csv`: 10 million exposure rows, wall and CPU time.

Writes SYNTHETIC exposure files and loads each of them, alternating, in processes of their own:

- gate: `salvage.gate.load_folder` into a fresh DuckDB file (SHA-256, UTF-8, strict quotation,
  line numbers included);
- read_csv: `create table ... as select * from read_csv(<file>, all_varchar = true)` into
  another.

Three variants of the file: plain (no quotes), quoted (every cell is) and irregular (1% of the
records hold a line break, doubled quotes or a cell too many; DuckDB is told to skip what it
cannot read). Times are of whole processes, start-up included, medians of the rounds; the peak
is the resident memory of the whole gate process, DuckDB's included.

    .venv/bin/python bench/gate_against_read_csv.py [--rows 10000000] [--variants plain quoted]

Exit status 1 where a ratio of wall times is above 4 or a gate's peak is above 1 GiB.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb

LIMIT_RATIO = 4
LIMIT_GIB = 1

# hash() of a row's number stands in for chance, so that every run reads the same data.
_EXPOSURES = """
    select
        'E' || n as exposure_id,
        'P' || hash(n) % 1000 as patient_id,
        ['Cyclosporine', 'infliximab', 'REMICADE', 'Neoral', 'tacrolimus'][
            1 + (hash(n, 1) % 5)::int
        ] as drug_name,
        {route} as route,
        50 + hash(n, 2) % 400 as dose,
        {dose_unit} as dose_unit,
        date '2005-01-01' + (hash(n, 3) % 2000)::int as start_date,
        date '2005-01-01' + (hash(n, 3) % 2000 + hash(n, 4) % 40)::int as end_date,
        ['failure', 'failure', 'completed', 'adverse_event'][1 + (hash(n, 5) % 4)::int]
            as stop_reason
    from range({n_rows}) as numbers (n)
"""
_PATIENTS = """
    select 'P' || n as patient_id, date '2012-12-31' as last_follow_up_date
    from range(1000) as numbers (n)
"""
# Stands where a surplus comma comes: DuckDB's writer would quote it.
_SURPLUS = "@@surplus@@"
_ROUTES = {
    "irregular": """case hash(n, 6) % 300
        when 0 then 'iv' || chr(10) || 'slowly'
        when 1 then 'iv "slowly"'
        else 'iv'
    end"""
}
_DOSE_UNITS = {"irregular": f"case when hash(n, 6) % 300 = 2 then 'mg{_SURPLUS}' else 'mg' end"}


@dataclass(frozen=True)
class Measured:
    """What one process took."""

    wall_seconds: float
    cpu_seconds: float
    peak_gib: float


def write_folder(folder: Path, variant: str, n_rows: int) -> None:
    """Write the two needed files of a study; all patients are SYNTHETIC."""
    folder.mkdir()
    duckdb.sql(_PATIENTS).write_csv(str(folder / "patients.csv"))
    file, draft = folder / "drug_exposures.csv", folder / "draft"
    query = _EXPOSURES.format(
        route=_ROUTES.get(variant, "'iv'"),
        dose_unit=_DOSE_UNITS.get(variant, "'mg'"),
        n_rows=n_rows,
    )
    quoted = ", force_quote *" if variant == "quoted" else ""
    duckdb.sql(f"copy ({query}) to '{draft}' (format csv, header{quoted})")
    if variant != "irregular":
        draft.rename(file)
        return
    with draft.open("rb") as lines, file.open("wb") as out:
        out.writelines(line.replace(_SURPLUS.encode(), b",") for line in lines)
    draft.unlink()


def load(reader: str, variant: str, folder: Path, database: Path) -> None:
    """What each measured process does: load the exposures into a fresh file."""
    with duckdb.connect(str(database)) as connection:
        if reader == "gate":
            # Imported here: the other reader should not wait for it.
            from salvage.gate import load_folder

            load_folder(folder, connection, warn=lambda sentence: None, show_progress=False)
            return
        skip = ", ignore_errors = true" if variant == "irregular" else ""
        connection.execute(
            "create table drug_exposures as select * from "
            f"read_csv('{folder / 'drug_exposures.csv'}', all_varchar = true{skip})"
        )


def measure(reader: str, variant: str, folder: Path) -> Measured:
    """Load in a process of its own; the file that it wrote is removed again."""
    database = folder / "fresh.duckdb"
    command = [sys.executable, __file__, "--load", reader, variant, str(folder), str(database)]
    started = time.monotonic()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{reader} failed on the {variant} file.")
    with duckdb.connect(str(database), read_only=True) as connection:
        schema = "raw." if reader == "gate" else ""
        row = connection.execute(f"select count(*) from {schema}drug_exposures").fetchone()
    assert row is not None
    database.unlink()
    cpu = usage.ru_utime + usage.ru_stime
    print(f"  {reader:8} {wall:6.1f} s wall {cpu:6.1f} CPU s, {row[0]} rows", flush=True)
    return Measured(wall, cpu, usage.ru_maxrss / 1024**2)


def compare(variant: str, n_rows: int, n_rounds: int) -> bool:
    """Measure both on one variant and print; return whether the limits are kept."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / variant
        write_folder(folder, variant, n_rows)
        size_mb = (folder / "drug_exposures.csv").stat().st_size / 1e6
        print(f"{variant}: {n_rows} SYNTHETIC exposures, {size_mb:.0f} MB")
        measured: dict[str, list[Measured]] = {"read_csv": [], "gate": []}
        for _ in range(n_rounds):
            for reader, values in measured.items():
                values.append(measure(reader, variant, folder))
    wall, cpu = (
        {
            reader: statistics.median(getattr(value, quantity) for value in values)
            for reader, values in measured.items()
        }
        for quantity in ("wall_seconds", "cpu_seconds")
    )
    ratio = wall["gate"] / wall["read_csv"]
    peak = max(value.peak_gib for value in measured["gate"])
    print(
        f"  gate / read_csv, medians of {n_rounds}: wall {wall['gate']:.1f} s / "
        f"{wall['read_csv']:.1f} s = {ratio:.2f} (at most {LIMIT_RATIO}), CPU {cpu['gate']:.1f} s "
        f"/ {cpu['read_csv']:.1f} s = {cpu['gate'] / cpu['read_csv']:.2f}; peak of the gate "
        f"{peak:.2f} GiB (at most {LIMIT_GIB}), of read_csv "
        f"{max(value.peak_gib for value in measured['read_csv']):.2f} GiB",
        flush=True,
    )
    return ratio <= LIMIT_RATIO and peak <= LIMIT_GIB


def main() -> None:
    """Measure each variant and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    variants = ["plain", "quoted", "irregular"]
    parser.add_argument("--variants", nargs="+", choices=variants, default=variants)
    parser.add_argument("--load", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.load:
        reader, variant, folder, database = options.load
        load(reader, variant, Path(folder), Path(database))
        return
    kept = [compare(variant, options.rows, options.rounds) for variant in options.variants]
    sys.exit(not all(kept))


if __name__ == "__main__":
    main()
