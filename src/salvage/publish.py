"""Publication: the public marts in fresh files that replace the old ones as a whole.

A publication is a folder of its own under `releases/`; `published` is a link to the newest.
Readers see the old files or the new ones, never a mixture, and a failed run changes nothing.
"""

import hashlib
import os
import platform
import re
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import duckdb

from salvage.errors import SalvageError
from salvage.project import public_marts
from salvage.resources import duckdb_config
from salvage.sql import quoted

# BI tools ship older DuckDB clients: `make old-clients` opens the file in 1.3 to 1.5.
_STORAGE_VERSION = "v1.0.0"
KEPT_RELEASES = 3
_RELEASE_NAME = re.compile(r"\d{8}T\d{6}\.\d{6}Z")

InputKind = Literal["demo", "files", "omop"]


@dataclass(frozen=True)
class Provenance:
    """What a publication says of where it comes from; nothing in it names a person or a machine.

    Attributes:
        input: the shipped synthetic demo, a folder of the study's files, or an OMOP CDM.
        data_cutoff_date: last day of data; None: no cut-off.
        n_checks: how many checks the audit ran; all of them passed.
    """

    input: InputKind
    data_cutoff_date: date | None
    n_checks: int

    @property
    def is_synthetic(self) -> bool:
        """Are the patients known to be made up? Of a study's own records nobody can tell."""
        return self.input == "demo"


def publish(
    warehouse: Path,
    output: Path,
    provenance: Provenance,
    n_kept: int = KEPT_RELEASES,
    marts: Sequence[str] | None = None,
) -> Path:
    """Copy the public marts into `output/published` and return that path.

    The release's name is its build id: the comment of every published table, the key
    `build_id` in the metadata of every Parquet file, and in table `publication.build` the key
    of the one row that says where the marts come from.

    Args:
        warehouse: the private, audited DuckDB file; only read.
        output: folder that gets `releases/<build id>/` and the link `published`.
        provenance: what `publication.build` says of them.
        n_kept: how many releases stay, the new one included; at least 1.
        marts: names of the marts to publish; None: those of every study.

    Raises:
        SalvageError: `published` exists and is not a link made by an earlier run.
    """
    refuse_foreign_publication(output)
    published, releases = output / "published", output / "releases"
    releases.mkdir(exist_ok=True)
    releases.chmod(0o755)
    for remnant in releases.glob(".unfinished-*"):
        shutil.rmtree(remnant)
    build_id = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    unfinished, release = releases / f".unfinished-{build_id}", releases / build_id
    try:
        _write_marts(warehouse, unfinished, build_id, provenance, marts or public_marts())
        _write_checksums(unfinished)
        _settle(unfinished)
    except BaseException:
        # A full disk gets its space back.
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    unfinished.rename(release)
    _force_to_disk(releases)
    link = output / ".published"
    link.unlink(missing_ok=True)
    link.symlink_to(release.relative_to(output), target_is_directory=True)
    link.replace(published)
    _force_to_disk(output)
    _prune(releases, release, n_kept)
    return published


def refuse_foreign_publication(output: Path) -> None:
    """Refuse to write where `published` exists and is not a link made by an earlier run.

    Raises:
        SalvageError: it exists.
    """
    published = output / "published"
    if published.is_symlink():
        release = published.readlink()
        is_a_release = _RELEASE_NAME.fullmatch(release.name) is not None
        is_ours = release.parent == Path("releases") and is_a_release
    else:
        is_ours = not published.exists()
    if not is_ours:
        raise SalvageError(f"{published} was not made by salvage; move it away and run again.")


def _prune(releases: Path, newest: Path, n_kept: int) -> None:
    """Remove all but the last releases; never the newest, nor what is not a release.

    The publication stands already: what cannot be removed stays.
    """
    earlier = sorted(
        path
        for path in releases.iterdir()
        if _RELEASE_NAME.fullmatch(path.name) and path.is_dir() and path != newest
    )
    for path in earlier[: max(0, len(earlier) - (n_kept - 1))]:
        # Under another name first, so that what bears a release's name is always whole.
        with suppress(OSError):
            shutil.rmtree(path.rename(path.with_name(f".unfinished-{path.name}")))


def _write_marts(
    warehouse: Path, folder: Path, build_id: str, provenance: Provenance, marts: Sequence[str]
) -> None:
    """Write salvage.duckdb and parquet/<mart>.parquet, rows in a total order."""
    parquet = folder / "parquet"
    parquet.mkdir(parents=True)
    with duckdb.connect(config=duckdb_config()) as connection:
        connection.execute(f"attach '{quoted(warehouse)}' as private (read_only)")
        connection.execute(
            f"attach '{quoted(folder / 'salvage.duckdb')}' as published "
            f"(storage_version '{_STORAGE_VERSION}')"
        )
        connection.execute("create schema published.marts")
        for mart in marts:
            table = f"published.marts.{mart}"
            connection.execute(
                f"create table {table} as select * from private.marts.{mart} order by all"
            )
            connection.execute(f"comment on table {table} is '{build_id}'")
            connection.execute(
                f"copy {table} to '{quoted(parquet / f'{mart}.parquet')}' "
                f"(format parquet, kv_metadata {{build_id: '{build_id}'}})"
            )
        _write_provenance(connection, build_id, provenance)
        connection.execute("detach published")


def _write_provenance(
    connection: duckdb.DuckDBPyConnection, build_id: str, provenance: Provenance
) -> None:
    """Write `publication.build`: no mart, since the run that made the marts must not change one."""
    connection.execute("create schema published.publication")
    connection.execute(
        "create table published.publication.build ("
        "build_id varchar not null, input varchar not null, is_synthetic boolean not null, "
        "data_cutoff_date date, n_checks integer not null, salvage_version varchar not null, "
        "dbt_version varchar not null, duckdb_version varchar not null, "
        "python_version varchar not null)"
    )
    connection.execute(
        "insert into published.publication.build values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            build_id,
            provenance.input,
            provenance.is_synthetic,
            provenance.data_cutoff_date,
            provenance.n_checks,
            version("salvage"),
            version("dbt-core"),
            version("duckdb"),
            platform.python_version(),
        ],
    )
    connection.execute(f"comment on table published.publication.build is '{build_id}'")


def _write_checksums(folder: Path) -> None:
    """Write SHA256SUMS over all other files, as `sha256sum --check` reads it."""
    lines = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        lines.append(f"{digest}  {path.relative_to(folder)}\n")
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


def _settle(folder: Path) -> None:
    """Let nobody else write to the files and their folders, and force them to the disk."""
    for path in (*folder.rglob("*"), folder):
        path.chmod(0o444 if path.is_file() else 0o755)
        _force_to_disk(path)


def _force_to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
