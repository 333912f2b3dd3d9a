"""CPU time of eras and salvage episodes on an OMOP CDM, against the least that any way takes.

The floor: reading person, drug concept and the two dates from Parquet and sorting them
(`order by person, drug concept, start`) into a temporary table. The drug concept stands in for
its ingredient: to look that up would only make the floor dearer.

Eras and episodes: int_drug_eras, int_salvage_pairs and int_salvage_episodes, the SQL that dbt
runs (compiled with `input: omop`), on the CDM's Parquet files: end dates inferred, drugs rolled
up to their ingredients, records outside a person's life or observation left out. What they read
of persons, concepts and rules is built before, and printed beside.

Each measurement is a process of its own, two threads; the ratio is that of the medians.

    .venv/bin/python bench/eras_against_floor.py [PERSONS] [--rounds 3] [--memory-gib 8]
        [--data FOLDER]

FOLDER keeps the generated data for the next time. DuckDB is given four fifths of the memory and
spills what does not fit. Exit status 1 where the ratio is above 3 (3.5 from 10 million persons
on), or a process took more than the memory.
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import duckdb

from bench.omop_data import (
    built,
    cdm_folder,
    circumstances,
    cpu_seconds,
    duckdb_config,
    in_a_process_of_its_own,
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


def floor(folder: Path, cdm: Path, memory_gib: float) -> dict[str, float]:
    """Measure the floor in this process."""
    with duckdb.connect(config=duckdb_config(folder, memory_gib)) as connection:
        connection.execute("set enable_progress_bar = false")
        before = cpu_seconds()
        connection.execute(FLOOR, {"exposures": str(cdm / "drug_exposure.parquet")})
        return {"floor": cpu_seconds() - before, "peak GiB": peak_gib()}


def models(folder: Path, cdm: Path, memory_gib: float) -> dict[str, float]:
    """Build what is measured, and all that it needs, in this process."""
    with built(folder, cdm, memory_gib) as (connection, spent):
        for name in MEASURED:
            counted = connection.execute(f"select count(*) from intermediate.{name}").fetchone()
            assert counted and counted[0], f"{name} is empty"
    needed = sum(cost for name, cost in spent.items() if name not in MEASURED)
    measured = {name: spent[name] for name in MEASURED}
    return {"what they need": needed, **measured, "peak GiB": peak_gib()}


def cost_of(build: dict[str, float]) -> float:
    """CPU time of eras and episodes in what `models` measured."""
    return sum(build[name] for name in MEASURED)


def main() -> None:
    """Generate, measure in turn, print and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("persons", type=float, nargs="?", default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory-gib", type=float, default=8)
    parser.add_argument("--data", type=Path)
    options = parser.parse_args()
    n_persons = int(options.persons)
    with tempfile.TemporaryDirectory() as name, cdm_folder(n_persons, options.data) as cdm:
        prepare(cdm, Path(name), MEASURED)
        places = (name, str(cdm), str(options.memory_gib))
        floors, builds = [], []
        for _ in range(options.rounds):
            floors.append(in_a_process_of_its_own(__file__, "floor", *places))
            builds.append(in_a_process_of_its_own(__file__, "models", *places))
    print(f"{n_persons} persons, {options.rounds} rounds; {circumstances()}")
    for part in ("what they need", *MEASURED):
        print(f"  {part:24} {statistics.median(build[part] for build in builds):8.2f}")
    peaks = [max(one["peak GiB"] for one in measured) for measured in (floors, builds)]
    limit = LIMIT_OF_MANY if n_persons >= MANY_PERSONS else LIMIT
    least = statistics.median(one["floor"] for one in floors)
    cost = statistics.median(map(cost_of, builds))
    print(
        f"{cost:.2f} / {least:.2f} CPU s; ratio of medians {cost / least:.2f} (at most {limit})\n"
        f"peak {peaks[1]:.2f} GiB, of the floor {peaks[0]:.2f} (at most {options.memory_gib:g})"
    )
    sys.exit(cost > limit * least or peaks[1] > options.memory_gib)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure = {"floor": floor, "models": models}[sys.argv[2]]
        print(json.dumps(measure(Path(sys.argv[3]), Path(sys.argv[4]), float(sys.argv[5]))))
    else:
        main()
