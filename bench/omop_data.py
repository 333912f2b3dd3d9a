"""What the benches on an OMOP CDM share: synthetic data, and the models ready to run on them.

The data are those of `../shared/bench/generate_omop.py`, SYNTHETIC: ten exposures a person, in
random order. CPU time is user + system time of a process of its own.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from salvage.cdm import Cdm, attach_cdm
from salvage.gate import load_folder
from tests.harness import Project, compile_project

GENERATOR = Path(__file__).resolve().parents[2] / "shared" / "bench" / "generate_omop.py"
DATABASE = "cdm"
THREADS = 2
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


def prepare(cdm: Path, folder: Path) -> Project:
    """Compile the project for a CDM; `folder` gets a warehouse with seeds and protocol."""
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
    return compile_project(folder, data_cutoff_date="", input="omop", omop=str(cdm))


def connect(warehouse: Path, cdm: Path, memory_limit: str) -> duckdb.DuckDBPyConnection:
    """Open a warehouse as the profile does, with the CDM attached."""
    from salvage.duckdb_plugin import register_functions

    connection = duckdb.connect(
        str(warehouse),
        config={
            "threads": THREADS,
            "memory_limit": memory_limit,
            "temp_directory": str(warehouse) + ".tmp",
            "preserve_insertion_order": False,
        },
    )
    connection.execute("set enable_progress_bar = false")
    register_functions(connection)
    attach_cdm(connection, Cdm(str(cdm), DATABASE, "main"))
    return connection


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
