"""CPU time of a refresh, 1% of whose persons changed, against a full rebuild.

Data: a CDM in a folder that ../shared/bench/generate_omop.py wrote, whose exposures are copied
with those of each hundredth person moved by three days; or a clinic's folder of five CSV files of
SYNTHETIC data, where one exposure of each hundredth patient is left out, so that the lines of all
others move. Whole processes of `salvage run` (start-up, audit and publication included), user +
system time, one round.

    .venv/bin/python -m bench.incremental_refresh FOLDER [--protocol-dir DIR]
    .venv/bin/python -m bench.incremental_refresh --patients 100000

Exit status 1 where the ratio is above 0.1.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import duckdb

from bench.hundred_thousand_patients import TABLES as FILES

SALVAGE = Path(sys.executable).parent / "salvage"
LIMIT = 0.1
ONE_IN = 100
TABLES = (
    "concept",
    "concept_ancestor",
    "condition_occurrence",
    "death",
    "observation_period",
    "person",
)


def run(output: Path, options: list[str]) -> tuple[float, str]:
    """Return the CPU seconds of one `salvage run`, and what it said."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [str(SALVAGE), "run", "--output", str(output), *options]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, done.stderr


def write_changed(source: Path, target: Path) -> None:
    """Copy exposures, those of each hundredth person moved by three days."""
    with duckdb.connect(config={"memory_limit": "3GB", "threads": 2}) as connection:
        connection.execute("set preserve_insertion_order = false")
        connection.execute(
            "copy (select * replace (drug_exposure_start_date - case when person_id % "
            f"{ONE_IN} = 7 then 3 else 0 end as drug_exposure_start_date) from '{source}') "
            f"to '{target}'"
        )


def write_files(folder: Path, n_patients: int, *, is_changed: bool) -> None:
    """Write a clinic's five files; where changed, without an exposure of each hundredth patient."""
    for table, query in FILES.items():
        rows = query.replace("{n}", str(n_patients))
        if is_changed and table == "drug_exposures":
            rows += f" where not (k = 0 and n % {ONE_IN} = 7)"
        duckdb.sql(rows).write_csv(str(folder / f"{table}.csv"))


def main() -> None:
    """Measure, print, and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--protocol-dir", type=Path)
    parser.add_argument("--patients", type=int, default=100_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        study, output = Path(name) / "study", Path(name) / "output"
        study.mkdir()
        if arguments.folder is None:
            options = ["--input", str(study)]
            write_files(study, arguments.patients, is_changed=False)
        else:
            options = ["--omop", str(study)]
            source = arguments.folder.resolve()
            for table in TABLES:
                (study / f"{table}.parquet").symlink_to(source / f"{table}.parquet")
            exposures = study / "drug_exposure.parquet"
            exposures.symlink_to(source / "drug_exposure_shuffled.parquet")
        if arguments.protocol_dir:
            options += ["--protocol-dir", str(arguments.protocol_dir)]
        # The first run also fills dbt's parse cache.
        run(output, options)
        full, _ = run(output, [*options, "--full-refresh"])
        if arguments.folder is None:
            write_files(study, arguments.patients, is_changed=True)
        else:
            exposures.unlink()
            write_changed(source / "drug_exposure_shuffled.parquet", exposures)
        refreshed, said = run(output, options)
    print(next(line for line in said.splitlines() if line.startswith(("Rebuilt", "Rebuilding"))))
    ratio = refreshed / full
    print(f"full rebuild {full:.1f} CPU s, refresh {refreshed:.1f} CPU s, ratio {ratio:.2f}")
    sys.exit(ratio > LIMIT)


if __name__ == "__main__":
    main()
