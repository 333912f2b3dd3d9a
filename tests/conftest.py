"""Shared fixtures, and how long Hypothesis searches.

`SALVAGE_HYPOTHESIS_EXAMPLES=20000 make test` searches at random, for longer; without it every
run tries the same examples.
"""

import json
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from salvage.build import run_dbt
from tests.harness import Compile, Project, Warehouse, compile_project

# An example is a whole study: drawing and building one is slow, and meant to be.
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile(
    "reproducible", deadline=None, derandomize=True, database=None, suppress_health_check=SLOW
)
settings.register_profile("random", deadline=None, print_blob=True, suppress_health_check=SLOW)
settings.load_profile("random" if "SALVAGE_HYPOTHESIS_EXAMPLES" in os.environ else "reproducible")


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The dbt project, compiled once."""
    return compile_project(tmp_path_factory.mktemp("compiled"))


@pytest.fixture(scope="session")
def warehouse(project: Project) -> Warehouse:
    """An in-memory warehouse; every build leaves it empty."""
    return Warehouse(project)


@pytest.fixture(scope="session")
def compile_inline(tmp_path_factory: pytest.TempPathFactory) -> Compile:
    """Compiles SQL with macros; the project is parsed once."""
    folder = tmp_path_factory.mktemp("compile_inline")
    warehouse = folder / "warehouse.duckdb"
    quiet = ["--quiet", "--log-level", "none", "--log-level-file", "none"]
    manifest = run_dbt([*quiet, "parse"], warehouse, folder).result

    def run(sql: str, **settings: str) -> tuple[str | None, str]:
        said: list[str] = []
        compiled: list[str] = []

        def on_event(event: Any) -> None:
            said.append(event.info.msg)
            if event.info.name == "CompiledNode":
                compiled.append(event.data.compiled)

        # A query that failed would still stand there, under the same name.
        manifest.nodes.pop("sql_operation.salvage.inline_query", None)
        outcome = run_dbt(
            [*quiet, "compile", "--inline", sql, "--vars", json.dumps(settings)],
            warehouse,
            folder,
            manifest,
            [on_event],
        )
        said.append(str(outcome.exception))
        return (compiled[0].strip() if outcome.success else None), "\n".join(said)

    return run
