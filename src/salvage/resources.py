"""How much of the machine a run may use, the same for dbt and for the steps around it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# Left to the rest of the machine: half of its memory.
_SHARE_OF_MEMORY = 0.5

# Read by profiles/profiles.yml too, so that `dbt build` alone obeys them.
MEMORY_LIMIT = "SALVAGE_MEMORY_LIMIT"
THREADS = "SALVAGE_THREADS"
SPILL_FOLDER = "SALVAGE_SPILL_FOLDER"


@dataclass(frozen=True)
class Resources:
    """What DuckDB may use.

    Attributes:
        memory_limit: as DuckDB writes it, e.g. `8GB`; what does not fit is spilled to the disk.
        threads: threads at work at once.
        spill_folder: folder for what is spilled, or None: beside the private build.
    """

    memory_limit: str
    threads: int
    spill_folder: Path | None

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Let every DuckDB of this process, dbt's among them, keep to it for a while."""
        before = {name: os.environ.get(name) for name in (MEMORY_LIMIT, THREADS, SPILL_FOLDER)}
        os.environ[MEMORY_LIMIT] = self.memory_limit
        os.environ[THREADS] = str(self.threads)
        os.environ[SPILL_FOLDER] = str(self.spill_folder.resolve()) if self.spill_folder else ""
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def default_memory_limit() -> str:
    """Return half of the machine's memory, in DuckDB's words."""
    n_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{int(n_bytes * _SHARE_OF_MEMORY / 1024**2)}MiB"


def default_threads() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def duckdb_config() -> dict[str, str | bool | int | float | list[str]]:
    """Return the configuration of a DuckDB connection that keeps to the environment's limits."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": os.environ.get(MEMORY_LIMIT) or default_memory_limit(),
        "threads": int(os.environ.get(THREADS) or default_threads()),
    }
    if folder := os.environ.get(SPILL_FOLDER):
        config["temp_directory"] = folder
    return config
