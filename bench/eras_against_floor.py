"""CPU time of eras and salvage episodes on an OMOP CDM, against the least that any way takes.

The floor: reading person, drug concept and the two dates from Parquet and sorting them
(`order by person, drug concept, start`) into a temporary table. The drug concept stands in for
its ingredient: to look that up would only make the floor dearer.

Eras and episodes: int_drug_eras, int_salvage_pairs and int_salvage_episodes, the SQL that dbt
runs (compiled with `input: omop`), on the CDM's Parquet files: end dates inferred, drugs rolled
up to their ingredients, records outside a person's life or observation left out. What they read
of persons, concepts and rules is built before, and printed beside.

Each measurement is a process of its own, two threads; the ratio is that of the medians.

    .venv/bin/python bench/eras_against_floor.py [PERSONS] [--rounds 3] [--memory-limit 8GiB]
        [--data FOLDER]

FOLDER keeps the generated data for the next time. Exit status 1 where the ratio is above 3 (3.5
from 10 million persons on), or the memory limit is not kept.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import duckdb

from bench.omop_data import (
    THREADS,
    cdm_folder,
    circumstances,
    connect,
    cpu_seconds,
    peak_gib,
    prepare,
)

MANY_PERSONS = 10_000_000
LIMIT, LIMIT_OF_MANY = 3.0, 3.5
MEASURED = ["int_drug_eras", "int_salvage_pairs", "int_salvage_episodes"]
FLOOR = """
    create temporary table sorted as
    select person_id, drug_concept_id, drug_exposure_start_date, drug_exposure_end_date
    from read_parquet($exposures)
    order by person_id, drug_concept_id, drug_exposure_start_date
"""


def floor(folder: Path, cdm: Path, memory_limit: str) -> dict[str, float]:
    """Measure the floor in this process."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": THREADS,
        "memory_limit": memory_limit,
        "temp_directory": str(folder / "floor.tmp"),
    }
    with duckdb.connect(config=config) as connection:
        connection.execute("set enable_progress_bar = false")
        before = cpu_seconds()
        connection.execute(FLOOR, {"exposures": str(cdm / "drug_exposure.parquet")})
        return {"floor": cpu_seconds() - before, "peak GiB": peak_gib()}


def models(folder: Path, cdm: Path, memory_limit: str) -> dict[str, float]:
    """Build what is measured, and all that it needs, in this process."""
    warehouse = folder / "measured" / "warehouse.duckdb"
    shutil.rmtree(warehouse.parent, ignore_errors=True)
    warehouse.parent.mkdir()
    shutil.copy(folder / "warehouse.duckdb", warehouse)
    spent = {"what they need": 0.0}
    with connect(warehouse, cdm, memory_limit) as connection:
        for kind, name, relation, sql in json.loads((folder / "models.json").read_text()):
            connection.execute(f"create schema if not exists {relation.rsplit('.', 1)[0]}")
            before = cpu_seconds()
            connection.execute(f"create or replace {kind} {relation} as {sql}")
            cost = cpu_seconds() - before
            if name in MEASURED:
                spent[name] = cost
            else:
                spent["what they need"] += cost
        for name in MEASURED:
            counted = connection.execute(f"select count(*) from intermediate.{name}").fetchone()
            assert counted and counted[0], f"{name} is empty"
    shutil.rmtree(warehouse.parent)
    return {**spent, "peak GiB": peak_gib()}


def in_a_process_of_its_own(what: str, *arguments: str) -> dict[str, float]:
    """Call `floor` or `models` in a new process."""
    command = [sys.executable, __file__, "--measure", what, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def main() -> None:
    """Generate, measure in turn, print and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("persons", type=float, nargs="?", default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory-limit", default="8GiB")
    parser.add_argument("--data", type=Path)
    options = parser.parse_args()
    n_persons = int(options.persons)
    with tempfile.TemporaryDirectory() as name, cdm_folder(n_persons, options.data) as cdm:
        folder = Path(name)
        needed = prepare(cdm, folder).needed_for(MEASURED)
        statements = [
            ("view" if model.is_view else "table", model.name, model.relation, model.sql)
            for model in needed
        ]
        (folder / "models.json").write_text(json.dumps(statements))
        places = (name, str(cdm), options.memory_limit)
        floors, builds = [], []
        for _ in range(options.rounds):
            floors.append(in_a_process_of_its_own("floor", *places))
            builds.append(in_a_process_of_its_own("models", *places))
    print(f"{n_persons} persons, memory limit {options.memory_limit}; {circumstances()}")
    for part in builds[0]:
        print(f"  {part:24} {statistics.median(build[part] for build in builds):8.2f}")
    print(f"  {'peak GiB of the floor':24} {max(one['peak GiB'] for one in floors):8.2f}")
    cost = statistics.median(sum(build[model] for model in MEASURED) for build in builds)
    least = statistics.median(one["floor"] for one in floors)
    ratio = cost / least
    limit = LIMIT_OF_MANY if n_persons >= MANY_PERSONS else LIMIT
    print(f"{cost:.2f} / {least:.2f} CPU s; ratio of medians {ratio:.2f} (at most {limit})")
    sys.exit(ratio > limit)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure = {"floor": floor, "models": models}[sys.argv[2]]
        print(json.dumps(measure(Path(sys.argv[3]), Path(sys.argv[4]), sys.argv[5])))
    else:
        main()
