"""CPU time of all definitions together against that of one, on 100,000 synthetic patients.

The multiverse: the models that only `agg_definition_sensitivity` needs (models/*/definitions).
One definition: `int_salvage_episodes`, `int_analysis_episodes`, and what leads from there to
`agg_remission_by_arm` and `agg_adverse_events_by_arm`, without the exact intervals
(`int_exact_*`), which the multiverse does not have. What both read (eras, eligibility, daily
status, accepted records) is built before and counted for neither, as are the exact intervals.

The data are those of `hundred_thousand_patients.py`; the models are the compiled SQL, each
created as a table in a DuckDB file as dbt does. CPU time is user + system time of the process;
the ratio is the median of the rounds.

    .venv/bin/python bench/definitions_against_one.py [--patients 100000] [--rounds 3]

Exit status 1 where the ratio is above 3.
"""

import argparse
import os
import resource
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import duckdb

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.hundred_thousand_patients import TABLES
from salvage.duckdb_plugin import register_functions
from salvage.gate import load_folder
from tests.harness import Model, Project, at_cutoff, compile_project, seed_rows

LIMIT = 3
MULTIVERSE = "agg_definition_sensitivity"
ONE = ["agg_remission_by_arm", "agg_adverse_events_by_arm"]
FIRST_OF_ONE = "int_salvage_episodes"


def cpu_seconds() -> float:
    """User + system time of this process so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def models_of_one(project: Project) -> list[Model]:
    """The models of one definition, in order."""
    after_pairs = {model.name for model in project.descendants("int_salvage_pairs")}
    by_events = {"int_reporting_arms"}
    return [
        model
        for model in project.needed_for(ONE)
        if model.name in after_pairs | by_events and not model.name.startswith("int_exact_")
    ]


def models_of_all(project: Project) -> list[Model]:
    """The models that only the multiverse needs, in order."""
    other = {model.name for model in project.needed_for(ONE)}
    return [model for model in project.needed_for([MULTIVERSE]) if model.name not in other]


def load(project: Project, connection: duckdb.DuckDBPyConnection, n_patients: int) -> None:
    """Write the five files, load them through the gate, and create the seeds."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for table, query in TABLES.items():
            duckdb.sql(query.replace("{n}", str(n_patients))).write_csv(
                str(folder / f"{table}.csv")
            )
        load_folder(folder, connection, lambda text: None, show_progress=False)
    relations = [seed.relation for seed in project.seeds]
    relations += [model.relation for model in project.models]
    for relation in relations:
        connection.execute(f"create schema if not exists {relation.split('.')[1]}")
    for seed in project.seeds:
        header, rows = seed_rows(seed)
        columns = ", ".join(f"{column} {seed.column_types[column]}" for column in header)
        connection.execute(f"create table {seed.relation} ({columns})")
        for row in rows:
            marks = ", ".join("?" for _ in header)
            connection.execute(f"insert into {seed.relation} values ({marks})", row)


def build(connection: duckdb.DuckDBPyConnection, models: Sequence[Model]) -> dict[str, float]:
    """Create the models anew; CPU seconds of each."""
    spent = {}
    for model in models:
        kind = "view" if model.is_view else "table"
        before = cpu_seconds()
        connection.execute(
            f"create or replace {kind} {model.relation} as {at_cutoff(model.sql, None)}"
        )
        spent[model.name] = cpu_seconds() - before
    return spent


def report(title: str, rounds: list[dict[str, float]]) -> float:
    """Print what each model cost and return the median of the sums."""
    median = statistics.median(sum(spent.values()) for spent in rounds)
    print(f"{title}: {median:.2f} CPU s")
    for name in rounds[0]:
        print(f"  {name:32} {statistics.median(spent[name] for spent in rounds):6.2f}")
    return median


def main() -> None:
    """Load, build both in turn, print and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        project = compile_project(Path(name))
        path = Path(name) / "bench.duckdb"
        with duckdb.connect(str(path)) as connection:
            connection.execute("set threads = 2")
            register_functions(connection)
            connection.execute(f"attach '{name}/warehouse_bench.duckdb' as warehouse")
            connection.execute("use warehouse")
            load(project, connection, options.patients)
            one, multiverse = models_of_one(project), models_of_all(project)
            build(connection, project.needed_for([MULTIVERSE, *ONE]))
            rounds: dict[str, list[dict[str, float]]] = {"one": [], "all": []}
            for _ in range(options.rounds):
                rounds["one"].append(build(connection, one))
                rounds["all"].append(build(connection, multiverse))
            counted = connection.execute(
                "select count(distinct definition_id), max(n_patients) "
                "from marts.agg_definition_sensitivity"
            ).fetchone()
    print(f"{options.patients} patients; definitions, most patients in one: {counted}")
    print(f"load of the machine: {os.getloadavg()}")
    cost_of_one = report("one definition", rounds["one"])
    cost_of_all = report("the multiverse", rounds["all"])
    ratio = statistics.median(
        sum(every.values()) / sum(single.values())
        for every, single in zip(rounds["all"], rounds["one"], strict=True)
    )
    print(
        f"{cost_of_all:.2f} / {cost_of_one:.2f} CPU s; median ratio {ratio:.2f} (at most {LIMIT})"
    )
    sys.exit(ratio > LIMIT)


if __name__ == "__main__":
    main()
