"""CPU time of `salvage run` on the demo against a bare `dbt build` of the same project.

Baseline: `dbt build` without the unit tests, which `salvage run` leaves out too (with them
the baseline is larger and the ratio smaller; it is printed as well). Both run as whole
processes on a warm parse cache; medians of user + system time in one session.

    .venv/bin/python bench/run_against_dbt_build.py [--rounds 5]

Exit status 1 where the ratio is above 2.5.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT_DIR = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
LIMIT = 2.5


def cpu_seconds(command: list[str], folder: Path) -> float:
    """Return user + system CPU seconds of one command and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "SALVAGE_WAREHOUSE": str(folder / "bare" / "warehouse.duckdb")}
    subprocess.run(command, cwd=PROJECT_DIR, env=environment, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure, print medians and ratios, and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "bare").mkdir()
        dbt = [str(BIN / "dbt"), "build", "--profiles-dir", "profiles"]
        dbt += ["--target-path", str(folder / "bare/target"), "--log-path", str(folder / "bare")]
        commands = {
            "dbt build": [*dbt, "--exclude", "resource_type:unit_test", "tag:development"],
            "dbt build with unit tests": dbt,
            "salvage run": [str(BIN / "salvage"), "run", "--output", str(folder / "output")],
        }
        for command in commands.values():
            cpu_seconds(command, folder)
        times: dict[str, list[float]] = {title: [] for title in commands}
        for _ in range(rounds):
            for title, command in commands.items():
                times[title].append(cpu_seconds(command, folder))
    medians = {title: statistics.median(values) for title, values in times.items()}
    for title, median in medians.items():
        spread = f"{min(times[title]):.1f}-{max(times[title]):.1f}"
        print(f"{title:28} {median:6.1f} CPU s (median of {rounds}; {spread})")
    ratio = medians["salvage run"] / medians["dbt build"]
    print(f"salvage run / dbt build: {ratio:.2f} (at most {LIMIT})")
    sys.exit(ratio > LIMIT)


if __name__ == "__main__":
    main()
