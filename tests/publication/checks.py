"""What must be true of a publication, read as a reader would."""

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from salvage.project import public_marts
from salvage.publish import KEPT_RELEASES, Provenance

RELEASE_NAME = re.compile(r"\d{8}T\d{6}\.\d{6}Z")
# All that a run that ended well leaves in its output folder.
OUTPUT_NAMES = frozenset(
    (
        ".lock",
        "dashboard",
        "data_docs",
        "logs",
        "published",
        "releases",
        "target",
        "warehouse.duckdb",
    )
)

# Where the publications come from that tests make by themselves.
PROVENANCE = Provenance("files", None, 1)

# A mart's name to the SHA-256 of its rows.
Digests = dict[str, str]


@dataclass(frozen=True)
class Content:
    """A release as read: its build ids, wherever it states one, and its marts.

    Attributes:
        build_ids: of the tables' comments, the rows of publication.build and the Parquet
            files' metadata.
        digests: of the tables in salvage.duckdb.
        parquet_digests: of the Parquet files.
    """

    build_ids: frozenset[str]
    digests: Digests
    parquet_digests: Digests


def digest(connection: duckdb.DuckDBPyConnection, relation: str) -> str:
    """SHA-256 of a relation's rows in a total order."""
    rows = connection.execute(f"select * from {relation} order by all").fetchall()
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def parquet_build_id(connection: duckdb.DuckDBPyConnection, file: Path) -> str:
    """The build id in a Parquet file's metadata; empty where it has none."""
    row = connection.execute(
        f"select decode(value) from parquet_kv_metadata('{file}') where decode(key) = 'build_id'"
    ).fetchone()
    return str(row[0]) if row else ""


def read_release(release: Path) -> Content:
    """Read all marts of a release, from the database and from the Parquet files."""
    with duckdb.connect(str(release / "salvage.duckdb"), read_only=True) as connection:
        comments = connection.execute(
            "select schema_name, table_name, comment from duckdb_tables()"
        ).fetchall()
        digests = {
            name: digest(connection, f"marts.{name}")
            for schema, name, _ in comments
            if schema == "marts"
        }
        rows = connection.execute("select build_id from publication.build").fetchall()
    build_ids = {str(comment) for *_, comment in comments} | {str(row) for (row,) in rows}
    parquet_digests = {}
    with duckdb.connect() as connection:
        for file in sorted((release / "parquet").iterdir()):
            parquet_digests[file.stem] = digest(connection, f"'{file}'")
            build_ids.add(parquet_build_id(connection, file))
    return Content(frozenset(build_ids), digests, parquet_digests)


def checksum_faults(release: Path) -> list[str]:
    """Sentences on what a release's SHA256SUMS does not say of its files."""
    sums = release / "SHA256SUMS"
    if not sums.is_file():
        return [f"{release.name} has no SHA256SUMS"]
    lines = [line.split("  ", 1) for line in sums.read_text(encoding="utf-8").splitlines()]
    stated = {name: sha256 for sha256, name in lines}
    found = {
        str(path.relative_to(release)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in release.rglob("*")
        if path.is_file() and path != sums
    }
    return [
        f"{release.name}: {name} is not as its checksum says"
        for name in sorted(stated.keys() | found.keys())
        if stated.get(name) != found.get(name)
    ]


def publication_faults(output: Path, digests: Digests) -> list[str]:
    """Sentences on what is wrong with the publication of an output folder; none where it is whole.

    Args:
        output: the output folder.
        digests: what each public mart must hold.
    """
    published = output / "published"
    if not published.is_symlink():
        return ["published is not a link"]
    release = published.resolve()
    if release.parent != (output / "releases").resolve() or not release.is_dir():
        return [f"published leads to {release}"]
    if faults := checksum_faults(release):
        return faults
    try:
        content = read_release(release)
    except (duckdb.Error, OSError) as error:
        return [f"{release.name} cannot be read: {error}"]
    faults = []
    if content.build_ids != {release.name}:
        faults.append(f"{release.name} states the build ids {sorted(content.build_ids)}")
    if content.digests.keys() != set(public_marts()):
        faults.append(f"{release.name} holds the marts {sorted(content.digests)}")
    for kind, read in (("table", content.digests), ("file", content.parquet_digests)):
        wrong = sorted(name for name in digests if read.get(name) != digests[name])
        if wrong or read.keys() != digests.keys():
            faults.append(f"{release.name}: not the content of its study: {kind} {wrong}")
    # Whoever goes back to an earlier publication must find it whole.
    return faults + [
        fault for kept in releases(output)[-KEPT_RELEASES:] for fault in checksum_faults(kept)
    ]


def releases(output: Path) -> list[Path]:
    """The finished releases of an output folder, oldest first."""
    return sorted(
        path for path in (output / "releases").iterdir() if RELEASE_NAME.fullmatch(path.name)
    )


def remnants(output: Path) -> list[str]:
    """What lies in an output folder, or among its releases, that a run should have cleared."""
    kept = releases(output)
    faults = [f"{path} is left" for path in output.iterdir() if path.name not in OUTPUT_NAMES]
    faults += [f"{path} is left" for path in (output / "releases").iterdir() if path not in kept]
    if len(kept) > KEPT_RELEASES:
        faults.append(f"{len(kept)} releases are kept")
    return faults


def score(faults: Iterable[str], n_checked: int, say: Callable[[str], object] = print) -> int:
    """Print what is wrong and the last line of a proof; return its exit status.

    Args:
        faults: one text for each check that failed.
        n_checked: how many checks there were.
        say: prints a line.
    """
    shown = list(faults)
    for fault in shown:
        say(f"FAULT {fault}")
    say(f"{n_checked - len(shown)} passed, {len(shown)} failed")
    return int(bool(shown))
