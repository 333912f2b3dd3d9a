"""Shared fixtures, and how long Hypothesis searches.

`SALVAGE_HYPOTHESIS_EXAMPLES=20000 make test` searches at random, for longer; without it every
run tries the same examples.
"""

import os

import pytest
from hypothesis import HealthCheck, settings

from tests.harness import Project, Warehouse, compile_project

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
