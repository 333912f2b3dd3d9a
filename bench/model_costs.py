"""What the benches of single models share: data, models as tables, CPU time of each.

The data are those of `hundred_thousand_patients.py`, SYNTHETIC; the models are the compiled SQL,
each created as a table in a DuckDB file as dbt does. CPU time is user + system time of the
process.
"""

import resource
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from bench.hundred_thousand_patients import TABLES
from salvage.duckdb_plugin import register_functions
from salvage.gate import load_folder
from tests.harness import Model, Project, at_cutoff, compile_project, seed_rows


@contextmanager
def loaded_project(n_patients: int) -> Iterator[tuple[Project, duckdb.DuckDBPyConnection]]:
    """The compiled project and a database file with the data of so many patients, two threads."""
    with tempfile.TemporaryDirectory() as name:
        project = compile_project(Path(name))
        with duckdb.connect(str(Path(name) / "bench.duckdb")) as connection:
            connection.execute("set threads = 2")
            register_functions(connection)
            connection.execute(f"attach '{name}/warehouse_bench.duckdb' as warehouse")
            connection.execute("use warehouse")
            load(project, connection, n_patients)
            yield project, connection


def cpu_seconds() -> float:
    """User + system time of this process so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


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
