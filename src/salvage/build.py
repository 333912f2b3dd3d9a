"""Running the dbt project in this process, with progress."""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
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


def run_dbt(
    arguments: Sequence[str],
    manifest: Any = None,
    callbacks: Sequence[Callable[[Any], None]] = (),
) -> Any:
    """Run dbt in this process and let go of the database, which dbt itself keeps open.

    Args:
        arguments: dbt's command line.
        manifest: a parsed project, to save dbt the parsing of it.
        callbacks: called with each of dbt's events.

    Returns:
        dbt's `dbtRunnerResult`.
    """
    # Imported here: it costs seconds, and a refused file should not wait for it.
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    try:
        return dbtRunner(manifest=manifest, callbacks=list(callbacks)).invoke(list(arguments))
    finally:
        # close_all_connections() only forgets it; who still refers to it keeps the file open.
        if environment := DuckDBConnectionManager._ENV:
            environment.close()
        DuckDBConnectionManager.close_all_connections()


def dbt_build(
    warehouse: Path,
    output: Path,
    variables: dict[str, str],
    select: Sequence[str] = (),
    show_progress: bool = True,
) -> BuildResult:
    """Build the models on the private warehouse and run their data tests.

    The demo seeds are left out: the input comes from schema `raw`.

    Args:
        warehouse: the private DuckDB file, with the gate's tables in it.
        output: folder that gets dbt's `target` and `logs`.
        variables: dbt vars besides `input`.
        select: dbt selectors; empty is the whole project.
        show_progress: draw a progress bar on standard error.

    Raises:
        NotPublishedError: dbt stopped before its end, e.g. the disk is full.
    """
    os.environ["SALVAGE_WAREHOUSE"] = str(warehouse.resolve())
    arguments = [
        "--quiet",
        "--log-level",
        "none",
        # run_results.json would repeat DuckDB's words on a failure, which may quote a cell.
        "--no-write-json",
        "--log-path",
        str((output / "logs").resolve()),
        "build",
        "--project-dir",
        str(PROJECT_DIR),
        "--profiles-dir",
        str(PROJECT_DIR / "profiles"),
        "--target-path",
        str((output / "target").resolve()),
        "--vars",
        json.dumps({**variables, "input": "files"}),
        "--exclude",
        "resource_type:unit_test",
        "tag:development",
        "path:seeds/demo",
    ]
    if select:
        # Only tests whose tables are all selected: the others have nothing to read.
        arguments += ["--select", *select, "--indirect-selection", "cautious"]
    with tqdm(desc="building", unit=" steps", disable=not show_progress) as bar:

        def on_event(event: Any) -> None:
            if event.info.name == "ConcurrencyLine":
                bar.total = int(event.data.node_count) if event.data.node_count else None
            elif event.info.name == "NodeFinished":
                bar.set_postfix_str(event.data.node_info.node_name, refresh=False)
                bar.update()

        outcome = run_dbt(arguments, callbacks=[on_event])
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
