"""Publication: the public marts in fresh files that replace the old ones as a whole.

A publication is a folder of its own under `releases/`; `published` is a link to the newest.
Readers see the old files or the new ones, never a mixture, and a failed run changes nothing.
"""

import os
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from salvage.errors import SalvageError
from salvage.project import public_marts

# BI tools ship older DuckDB clients: `make old-clients` opens the file in 1.3 to 1.5.
_STORAGE_VERSION = "v1.0.0"
_KEPT_RELEASES = 3
_RELEASE_NAME = re.compile(r"\d{8}T\d{6}\.\d{6}Z")


def publish(warehouse: Path, output: Path) -> Path:
    """Copy the public marts into `output/published` and return that path.

    Args:
        warehouse: the private, audited DuckDB file; only read.
        output: folder that gets `releases/<time>/` and the link `published`.

    Raises:
        SalvageError: `published` exists and is not a link made by an earlier run.
    """
    refuse_foreign_publication(output)
    published, releases = output / "published", output / "releases"
    releases.mkdir(exist_ok=True)
    for remnant in releases.glob(".unfinished-*"):
        shutil.rmtree(remnant)
    name = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    unfinished, release = releases / f".unfinished-{name}", releases / name
    _write_marts(warehouse, unfinished)
    _settle(unfinished)
    unfinished.rename(release)
    link = output / ".published"
    link.unlink(missing_ok=True)
    link.symlink_to(release.relative_to(output), target_is_directory=True)
    link.replace(published)
    _prune(releases, newest=release)
    return published


def refuse_foreign_publication(output: Path) -> None:
    """Refuse to write where `published` exists and is not a link made by an earlier run.

    Raises:
        SalvageError: it exists.
    """
    published = output / "published"
    if published.exists() and not published.is_symlink():
        raise SalvageError(f"{published} was not made by salvage; move it away and run again.")


def _prune(releases: Path, newest: Path) -> None:
    """Remove all but the last releases; never the newest, nor what is not a release.

    The publication stands already: what cannot be removed stays.
    """
    earlier = sorted(
        path
        for path in releases.iterdir()
        if _RELEASE_NAME.fullmatch(path.name) and path.is_dir() and path != newest
    )
    for path in earlier[: -(_KEPT_RELEASES - 1)]:
        shutil.rmtree(path, ignore_errors=True)


def _write_marts(warehouse: Path, folder: Path) -> None:
    """Write salvage.duckdb and parquet/<mart>.parquet, rows in a total order."""
    parquet = folder / "parquet"
    parquet.mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute(f"attach '{_quoted(warehouse)}' as private (read_only)")
        connection.execute(
            f"attach '{_quoted(folder / 'salvage.duckdb')}' as published "
            f"(storage_version '{_STORAGE_VERSION}')"
        )
        connection.execute("create schema published.marts")
        for mart in public_marts():
            connection.execute(
                f"create table published.marts.{mart} as "
                f"select * from private.marts.{mart} order by all"
            )
            connection.execute(
                f"copy published.marts.{mart} to '{_quoted(parquet / f'{mart}.parquet')}' "
                "(format parquet)"
            )
        connection.execute("detach published")


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _settle(folder: Path) -> None:
    """Make the files read-only and force them and their folders to the disk."""
    for path in (*folder.rglob("*"), folder):
        if path.is_file():
            path.chmod(0o444)
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
