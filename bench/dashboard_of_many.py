"""The dashboard of the demo and of 100,000 synthetic patients: seconds, bytes, and a browser.

Publishes both by `salvage run`, makes the pages in a process of its own, prints its CPU time and
their size, opens them in Chromium and lets axe-core judge them.

    .venv/bin/python -m bench.dashboard_of_many [--patients 100000]

Exit status 1 where a limit is missed, the page asks for anything or complains, or axe-core finds
a violation.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
from playwright.sync_api import Browser

from bench.hundred_thousand_patients import BIN, TABLES
from tests.browser import DESKTOP, PHONE, chromium, visit

DEMO_SECONDS, DEMO_MB = 5, 6
MANY_SECONDS, MANY_MB = 20, 10
WRITE = """
import sys
from pathlib import Path
from salvage.dashboard.page import write_dashboard
write_dashboard(*map(Path, sys.argv[1:]))
"""


def cpu_seconds() -> float:
    """User and system time of the processes that ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def publish(folder: Path, *arguments: str) -> Path:
    """`salvage run` into a folder; returns the publication."""
    command = [str(BIN / "salvage"), "run", *arguments, "--output", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder / "published"


def judge(browser: Browser, name: str, published: Path, max_seconds: int, max_mb: int) -> bool:
    """Make the page, print what was measured, and say whether it is within its limits."""
    folder = published.parent / "measured_dashboard"
    started = cpu_seconds()
    subprocess.run([sys.executable, "-c", WRITE, str(published), str(folder)], check=True)
    seconds = cpu_seconds() - started
    page = folder / "index.html"
    size_mb = page.stat().st_size / 1e6
    print(
        f"{name}: {seconds:.1f} CPU s (at most {max_seconds}), {size_mb:.2f} MB (at most {max_mb})"
    )
    is_good = seconds <= max_seconds and size_mb <= max_mb
    for width in (PHONE, DESKTOP):
        opened = time.monotonic()
        with visit(browser, page, width) as seen:
            drawn = time.monotonic() - opened
            problems = [*seen.complaints, *seen.axe_violations()]
            problems += [f"asks for {address}" for address in seen.requests[1:]]
        print(f"  {width} pixels: drawn after {drawn:.1f} s, {len(problems)} problems")
        for problem in problems:
            print(f"    {problem}")
        is_good = is_good and not problems
    return is_good


def main() -> None:
    """Publish, measure, print and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=100_000)
    n_patients = parser.parse_args().patients
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        folder = Path(name)
        for table, query in TABLES.items():
            duckdb.sql(query.replace("{n}", str(n_patients))).write_csv(
                str(folder / f"{table}.csv")
            )
        demo = publish(folder / "demo")
        many = publish(folder / "many", "--input", name)
        is_good = judge(browser, "demo", demo, DEMO_SECONDS, DEMO_MB)
        is_good &= judge(browser, f"{n_patients} patients", many, MANY_SECONDS, MANY_MB)
    sys.exit(not is_good)


if __name__ == "__main__":
    main()
