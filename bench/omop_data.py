"""What the benches on an OMOP CDM share: synthetic data, and the models ready to run on them.

The data are those of `../shared/bench/generate_omop.py`, SYNTHETIC: ten exposures a person, in
random order. CPU time is user + system time of a process of its own.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from salvage.cdm import Cdm, attach_cdm
from salvage.gate import load_folder
from tests.harness import compile_project

GENERATOR = Path(__file__).resolve().parents[2] / "shared" / "bench" / "generate_omop.py"
DATABASE = "cdm"
THREADS = 2
# Of a process's memory; the rest is for what DuckDB does not count.
DUCKDB_SHARE = 0.8
# Two of the generated ingredients, each after the other; nothing else is asked.
PROTOCOL_FILES = {
    "protocols.csv": (
        "protocol_id,diagnosis,require_steroid_refractory,require_failure,window_days,"
        "max_overlap_days,remission_within_days,ae_risk_window_days,days_per_month\n"
        "bench,,false,false,90,0,90,30,30.416667\n"
    ),
    "protocol_arms.csv": (
        "protocol_id,arm_id,arm_label,failed_ingredient,salvage_ingredient,window_days\n"
        "bench,b_after_a,B after A,ingredient_a,ingredient_b,\n"
        "bench,a_after_b,A after B,ingredient_b,ingredient_a,\n"
    ),
}


@contextmanager
def cdm_folder(n_persons: int, data: Path | None) -> Iterator[Path]:
    """A CDM of so many persons as Parquet files: made in `data`, or taken from there."""
    with tempfile.TemporaryDirectory() as scratch:
        source = data or Path(scratch) / "data"
        exposures = source / "drug_exposure_shuffled.parquet"
        if not exposures.is_file():
            command = [sys.executable, str(GENERATOR), str(n_persons), str(source), "--no-db"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        made = json.loads((source / "manifest.json").read_text(encoding="utf-8"))["N"]
        if made != n_persons:
            raise SystemExit(f"{source} holds {made} persons, not {n_persons}")
        folder = Path(scratch) / "cdm"
        folder.mkdir()
        for file in source.glob("*.parquet"):
            if not file.name.startswith("drug_exposure"):
                (folder / file.name).symlink_to(file.resolve())
        (folder / "drug_exposure.parquet").symlink_to(exposures.resolve())
        yield folder


def prepare(cdm: Path, folder: Path, names: Sequence[str]) -> None:
    """Compile the project for a CDM; `folder` gets a warehouse with seeds and protocol.

    names: the models to build from it (`built`), with all that they read.
    """
    from salvage.build import run_dbt

    protocol = folder / "protocol"
    protocol.mkdir()
    for name, text in PROTOCOL_FILES.items():
        (protocol / name).write_text(text, encoding="utf-8")
    warehouse = folder / "warehouse.duckdb"
    with duckdb.connect(str(warehouse)) as connection:
        load_folder(protocol, connection, print, show_progress=False, only_reference=True)
    settings = {"input": "omop", "omop": str(cdm)}
    command = ["--quiet", "--log-level", "none", "seed", "--vars", json.dumps(settings)]
    seeded = run_dbt(command, warehouse, folder)
    if not seeded.success:
        raise RuntimeError(f"the seeds are not loaded: {seeded.exception}")
    project = compile_project(folder, data_cutoff_date="", input="omop", omop=str(cdm))
    statements = [
        ("view" if model.is_view else "table", model.name, model.relation, model.sql)
        for model in project.needed_for(names)
    ]
    (folder / "models.json").write_text(json.dumps(statements))


@contextmanager
def built(
    folder: Path, cdm: Path, memory_gib: float
) -> Iterator[tuple[duckdb.DuckDBPyConnection, dict[str, float]]]:
    """Build what was prepared, in this process; the warehouse, and the CPU time of each model."""
    warehouse = folder / "measured" / "warehouse.duckdb"
    shutil.rmtree(warehouse.parent, ignore_errors=True)
    warehouse.parent.mkdir()
    shutil.copy(folder / "warehouse.duckdb", warehouse)
    spent = {}
    with connect(warehouse, cdm, memory_gib) as connection:
        for kind, name, relation, sql in json.loads((folder / "models.json").read_text()):
            connection.execute(f"create schema if not exists {relation.rsplit('.', 1)[0]}")
            before = cpu_seconds()
            connection.execute(f"create or replace {kind} {relation} as {sql}")
            spent[name] = cpu_seconds() - before
        yield connection, spent
    shutil.rmtree(warehouse.parent)


def duckdb_config(
    folder: Path, memory_gib: float
) -> dict[str, str | bool | int | float | list[str]]:
    """Settings of a DuckDB whose process keeps within so much memory, spilling into `folder`."""
    return {
        "threads": THREADS,
        "memory_limit": f"{memory_gib * DUCKDB_SHARE}GiB",
        "temp_directory": str(folder / "spilled"),
    }


def connect(warehouse: Path, cdm: Path, memory_gib: float) -> duckdb.DuckDBPyConnection:
    """Open a warehouse as the profile does, with the CDM attached."""
    from salvage.duckdb_plugin import register_functions

    config = duckdb_config(warehouse.parent, memory_gib)
    connection = duckdb.connect(str(warehouse), config=config)
    connection.execute("set preserve_insertion_order = false")
    connection.execute("set enable_progress_bar = false")
    register_functions(connection)
    attach_cdm(connection, Cdm(str(cdm), DATABASE, "main"))
    return connection


def in_a_process_of_its_own(script: str, what: str, *arguments: str) -> dict[str, float]:
    """Have a bench's script measure something in a new process: `--measure WHAT ARGUMENTS`."""
    command = [sys.executable, script, "--measure", what, *arguments]
    environment = {**os.environ, "POLARS_MAX_THREADS": str(THREADS)}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def cpu_seconds() -> float:
    """User + system time of this process so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def peak_gib() -> float:
    """The greatest memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def circumstances() -> str:
    """Under what load a measurement was made, in words."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return f"{os.cpu_count()} cores, load averages {load}, duckdb {duckdb.__version__}"
