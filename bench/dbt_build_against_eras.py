"""CPU time of the whole `dbt build` of an OMOP CDM against that of its eras and episodes alone.

Whole: all models, seeds and data tests, as `salvage run` starts dbt, in a process of its own:
dbt's start and its work on each of some 600 nodes are in it. The project is parsed anew, since the
warehouse's path is part of the profile; one node at a time, so that its CPU time is known; two
DuckDB threads.

Eras and episodes: as `eras_against_floor.py` measures them, on the same data. What they read of
persons, concepts and rules is printed beside, and is not in the ratio.

    .venv/bin/python bench/dbt_build_against_eras.py [PERSONS] [--memory-gib 8]
        [--data FOLDER]

FOLDER keeps the generated data for the next time. Exit status 1 where the ratio is above 3.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench import eras_against_floor
from bench.omop_data import (
    THREADS,
    cdm_folder,
    circumstances,
    cpu_seconds,
    in_a_process_of_its_own,
    peak_gib,
    prepare,
)

LIMIT = 3.0
N_SHOWN = 25


def whole_build(folder: Path, cdm: Path) -> dict[str, Any]:
    """Build everything in this process; return CPU seconds by node, in all, and the peak."""
    from salvage.build import run_dbt

    started: dict[str, float] = {}
    spent: dict[str, float] = {}

    def note(event: Any) -> None:
        if event.info.name == "NodeStart":
            started[event.data.node_info.unique_id] = cpu_seconds()
        elif event.info.name == "NodeFinished":
            node = event.data.node_info.unique_id
            spent[node] = cpu_seconds() - started[node]

    command = ["--quiet", "--log-level", "none", "--no-write-json", "build", "--threads", "1"]
    command += ["--vars", json.dumps({"input": "omop", "omop": str(cdm)})]
    command += ["--exclude", "resource_type:unit_test", "tag:development", "path:seeds/demo"]
    warehouse = folder / "whole" / "warehouse.duckdb"
    built = run_dbt(command, warehouse, folder, callbacks=[note])
    assert built.success, built.exception
    return {"nodes": spent, "whole": cpu_seconds(), "peak GiB": peak_gib()}


def table(nodes: dict[str, float], kind: str) -> list[str]:
    """Return the dearest nodes of a kind, and the sum of the rest, as lines of a table."""
    costs = {name: cost for name, cost in nodes.items() if name.startswith(f"{kind}.")}
    ranked = sorted(costs.items(), key=lambda item: item[1], reverse=True)
    shown, rest = ranked[:N_SHOWN], ranked[N_SHOWN:]
    lines = [f"| {name.split('.')[2]} | {cost:.2f} |" for name, cost in shown]
    return [*lines, f"| the other {len(rest)} | {sum(cost for _, cost in rest):.2f} |"]


def main() -> None:
    """Generate, measure, print and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("persons", type=float, nargs="?", default=1_000_000)
    parser.add_argument("--memory-gib", type=float, default=8)
    parser.add_argument("--data", type=Path)
    options = parser.parse_args()
    n_persons = int(options.persons)
    with tempfile.TemporaryDirectory() as name, cdm_folder(n_persons, options.data) as cdm:
        from salvage.project import public_marts
        from salvage.publish import Provenance, publish

        folder = Path(name)
        prepare(cdm, folder, eras_against_floor.MEASURED)
        eras = in_a_process_of_its_own(
            str(eras_against_floor.__file__),
            "models",
            name,
            str(cdm),
            str(options.memory_gib),
        )

        warehouse = folder / "whole" / "warehouse.duckdb"
        warehouse.parent.mkdir()
        shutil.copy(folder / "warehouse.duckdb", warehouse)
        settings = {
            "SALVAGE_MEMORY_LIMIT": f"{options.memory_gib:g}GiB",
            "SALVAGE_THREADS": str(THREADS),
        }
        done = subprocess.run(
            [sys.executable, __file__, "--measure", name, str(cdm)],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **settings},
        )
        build = json.loads(done.stdout.splitlines()[-1])
        warehouse_mb = warehouse.stat().st_size / 1e6
        published = publish(
            warehouse, folder, Provenance("omop", None, 0), marts=public_marts(is_omop=True)
        )
        published_mb = (published / "salvage.duckdb").stat().st_size / 1e6

    print(f"{n_persons} persons, memory limit {options.memory_gib:g} GiB; {circumstances()}")
    nodes = build["nodes"]
    for kind in ("model", "test"):
        n_nodes = sum(node.startswith(f"{kind}.") for node in nodes)
        total = sum(cost for node, cost in nodes.items() if node.startswith(f"{kind}."))
        print(f"\n| {n_nodes} {kind}s | CPU s: {total:.1f} |\n|---|---|")
        print("\n".join(table(nodes, kind)))
    print(f"\ndbt's start, parsing, seeds and end: {build['whole'] - sum_of(nodes):.1f} CPU s")
    print(f"peak {build['peak GiB']:.2f} GiB; warehouse {warehouse_mb:.0f} MB, published file")
    print(f"{published_mb:.0f} MB; what eras and episodes need: {eras['what they need']:.1f} CPU s")
    alone = sum(eras[model] for model in eras_against_floor.MEASURED)
    ratio = build["whole"] / alone
    print(f"{build['whole']:.1f} / {alone:.1f} CPU s; ratio {ratio:.1f} (at most {LIMIT:.0f})")
    sys.exit(ratio > LIMIT)


def sum_of(nodes: dict[str, float]) -> float:
    """CPU seconds of models and tests."""
    return sum(cost for node, cost in nodes.items() if not node.startswith("seed."))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(whole_build(Path(sys.argv[2]), Path(sys.argv[3]))))
    else:
        main()
