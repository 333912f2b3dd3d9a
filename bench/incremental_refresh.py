"""CPU time of a refresh of a CDM, 1% of whose persons changed, against a full rebuild.

Data: a folder that ../shared/bench/generate_omop.py wrote. The folder's exposures are copied with
those of each hundredth person moved by three days. Whole processes of `salvage run` (start-up,
audit and publication included), user + system time, one round.

    .venv/bin/python bench/incremental_refresh.py FOLDER [--protocol-dir DIR]

Exit status 1 where the ratio is above 0.1.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb

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


def run(cdm: Path, output: Path, options: list[str]) -> tuple[float, str]:
    """Return the CPU seconds of one `salvage run`, and what it said."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [str(SALVAGE), "run", "--omop", str(cdm), "--output", str(output), *options]
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


def main() -> None:
    """Measure, print, and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--protocol-dir", type=Path)
    arguments = parser.parse_args()
    options = ["--protocol-dir", str(arguments.protocol_dir)] if arguments.protocol_dir else []
    source = arguments.folder.resolve()
    with tempfile.TemporaryDirectory() as name:
        cdm, output = Path(name) / "cdm", Path(name) / "output"
        cdm.mkdir()
        for table in TABLES:
            (cdm / f"{table}.parquet").symlink_to(source / f"{table}.parquet")
        exposures = cdm / "drug_exposure.parquet"
        exposures.symlink_to(source / "drug_exposure_shuffled.parquet")
        # The first run also fills dbt's parse cache.
        run(cdm, output, options)
        full, _ = run(cdm, output, [*options, "--full-refresh"])
        exposures.unlink()
        write_changed(source / "drug_exposure_shuffled.parquet", exposures)
        refreshed, said = run(cdm, output, options)
    print(next(line for line in said.splitlines() if line.startswith(("Rebuilt", "Rebuilding"))))
    ratio = refreshed / full
    print(f"full rebuild {full:.1f} CPU s, refresh {refreshed:.1f} CPU s, ratio {ratio:.2f}")
    sys.exit(ratio > LIMIT)


if __name__ == "__main__":
    main()
