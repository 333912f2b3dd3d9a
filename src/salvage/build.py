"""Running the dbt project in this process, with progress."""

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

from tqdm import tqdm

from salvage.errors import NotPublishedError, first_line
from salvage.project import PROJECT_DIR


@dataclass(frozen=True)
class TestResult:
    """Outcome of one dbt data test."""

    name: str
    description: str
    passed: bool
    n_failures: int | None


@dataclass(frozen=True)
class BuildResult:
    """Outcome of one dbt build.

    Attributes:
        tests: the data tests that ran.
        errors: sentences on what could not be built or tested.
    """

    tests: list[TestResult]
    errors: list[str]

    @property
    def passed(self) -> bool:
        """Was everything built and did every test pass?"""
        return not self.errors and all(test.passed for test in self.tests)


class _Progress:
    """What runs and how far the build is: a bar in a terminal, else a line now and then.

    Args:
        show_bar: draw a bar; it and the lines go to standard error.
    """

    _SECONDS_BETWEEN_LINES = 30.0

    def __init__(self, show_bar: bool) -> None:
        self._bar = tqdm(desc="building", unit=" steps", disable=not show_bar)
        self._show_bar = show_bar
        self._running: list[str] = []
        self._n_finished = 0
        self._n_steps = 0
        self._started = time.monotonic()
        self._ended = Event()

    def __enter__(self) -> "_Progress":
        # A step can take minutes and says nothing meanwhile: another thread keeps the time.
        Thread(target=self._tick, name="progress", daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        self._bar.close()

    def on_event(self, event: Any) -> None:
        """Take one of dbt's events."""
        if event.info.name == "ConcurrencyLine":
            self._n_steps = int(event.data.node_count or 0)
            self._bar.total = self._n_steps or None
        elif event.info.name == "NodeStart":
            self._running.append(event.data.node_info.node_name)
        elif event.info.name == "NodeFinished":
            name = event.data.node_info.node_name
            if name in self._running:
                self._running.remove(name)
            self._n_finished += 1
            self._bar.update()

    def _tick(self) -> None:
        while not self._ended.wait(1.0 if self._show_bar else self._SECONDS_BETWEEN_LINES):
            running = ", ".join(self._running)
            if self._show_bar:
                self._bar.set_postfix_str(running)
            else:
                seconds = round(time.monotonic() - self._started)
                total = f" of {self._n_steps}" if self._n_steps else ""
                print(
                    f"building: {self._n_finished}{total} steps after {seconds} s; now {running}",
                    file=sys.stderr,
                    flush=True,
                )


def run_dbt(
    arguments: Sequence[str],
    warehouse: Path,
    output: Path,
    manifest: Any = None,
    callbacks: Sequence[Callable[[Any], None]] = (),
) -> Any:
    """Run dbt on this project in this process, and let go of the database at the end.

    Args:
        arguments: dbt's command and its options, without those on where things are.
        warehouse: the DuckDB file to work on. Its stem is the database's name in the SQL.
        output: folder that gets dbt's `target` and `logs`.
        manifest: the project as parsed, to save dbt the parsing of it.
        callbacks: called with each of dbt's events.

    Returns:
        dbt's `dbtRunnerResult`.
    """
    # Imported here: it costs seconds, and a refused file should not wait for it.
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    places = {
        "--project-dir": PROJECT_DIR,
        "--profiles-dir": PROJECT_DIR / "profiles",
        "--target-path": (output / "target").resolve(),
        "--log-path": (output / "logs").resolve(),
    }
    options = [str(word) for option in places.items() for word in option]
    before = os.environ.get("SALVAGE_WAREHOUSE")
    os.environ["SALVAGE_WAREHOUSE"] = str(warehouse.resolve())
    try:
        runner = dbtRunner(manifest=manifest, callbacks=list(callbacks))
        return runner.invoke([*arguments, *options])
    finally:
        if before is None:
            del os.environ["SALVAGE_WAREHOUSE"]
        else:
            os.environ["SALVAGE_WAREHOUSE"] = before
        # close_all_connections() only forgets it; who still refers to it keeps the file open.
        if environment := DuckDBConnectionManager._ENV:
            environment.close()
        DuckDBConnectionManager.close_all_connections()


def parse_project(warehouse: Path, output: Path, variables: dict[str, str]) -> Any:
    """Return the project as dbt parses it under these dbt vars.

    Raises:
        NotPublishedError: dbt stopped before its end.
    """
    arguments = ["--quiet", "--log-level", "none", "--no-write-json", "parse"]
    outcome = run_dbt([*arguments, "--vars", json.dumps(variables)], warehouse, output)
    if outcome.result is None:
        raise NotPublishedError(f"dbt stopped: {first_line(outcome.exception)}")
    return outcome.result


def dbt_build(
    warehouse: Path,
    output: Path,
    variables: dict[str, str],
    select: Sequence[str] = (),
    indirect_selection: str = "cautious",
    show_progress: bool = True,
    manifest: Any = None,
) -> BuildResult:
    """Build the models on the private warehouse and run their data tests.

    The demo seeds are left out: the input comes from schema `raw`, or from a CDM.

    Args:
        warehouse: the private DuckDB file, with the gate's tables in it.
        output: folder that gets dbt's `target` and `logs`.
        variables: dbt vars; `input` is `files` where they do not say otherwise.
        select: dbt selectors; empty is the whole project.
        indirect_selection: which tests come with selected models: "cautious", those whose
            tables are all selected (the others have nothing to read); "empty", none.
        show_progress: draw a progress bar on standard error.
        manifest: the project as parsed, to save dbt the parsing of it.

    Raises:
        NotPublishedError: dbt stopped before its end, e.g. the disk is full.
    """
    arguments = [
        "--quiet",
        "--log-level",
        "none",
        # run_results.json would repeat DuckDB's words on a failure, which may quote a cell.
        "--no-write-json",
        "build",
        "--vars",
        json.dumps({"input": "files", **variables}),
        "--exclude",
        "resource_type:unit_test",
        "tag:development",
        "path:seeds/demo",
    ]
    if select:
        arguments += ["--select", *select, "--indirect-selection", indirect_selection]
    with _Progress(show_progress) as progress:
        outcome = run_dbt(arguments, warehouse, output, manifest, callbacks=[progress.on_event])
    if outcome.result is None:
        raise NotPublishedError(f"dbt stopped: {first_line(outcome.exception)}")
    tests, errors = [], []
    for result in outcome.result:
        status, node = str(result.status), result.node
        if node.resource_type == "test" and status in ("pass", "fail"):
            tests.append(
                TestResult(node.name, node.description or "", status == "pass", result.failures)
            )
        elif status == "error":
            errors.append(f"{node.name}: {first_line(result.message)}")
        elif status == "skipped":
            errors.append(f"{node.name}: not built, since something before it failed.")
    return BuildResult(tests, errors)
