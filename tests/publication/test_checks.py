"""The proofs' own eyes: what is broken in a publication is told."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

import salvage.publish
from salvage.project import public_marts
from salvage.publish import publish
from tests.publication.checks import (
    PROVENANCE,
    Digests,
    publication_faults,
    read_release,
    remnants,
    score,
)
from tests.publication.readers import Reader, Snapshot


def private_build(folder: Path, build: int) -> Path:
    warehouse = folder / "warehouse.duckdb"
    warehouse.unlink(missing_ok=True)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema marts")
        for mart in public_marts():
            connection.execute(f"create table marts.{mart} as select {build} as build")
    return warehouse


@pytest.fixture
def output(tmp_path: Path) -> Path:
    for build in (1, 2):
        publish(private_build(tmp_path, build), tmp_path, PROVENANCE)
    return tmp_path


@pytest.fixture
def digests(output: Path) -> Digests:
    return read_release(output / "published").digests


def sum_up_again(release: Path) -> None:
    """Make the checksums of a changed release right, so that only its content tells."""
    (release / "SHA256SUMS").unlink()
    salvage.publish._write_checksums(release)


def in_database(release: Path, statement: str) -> None:
    (release / "salvage.duckdb").chmod(0o644)
    with duckdb.connect(str(release / "salvage.duckdb")) as connection:
        connection.execute(statement)
    sum_up_again(release)


def test_whole_publication_is_without_fault(output: Path, digests: Digests) -> None:
    assert publication_faults(output, digests) == []
    assert remnants(output) == []


def remove_link(output: Path) -> None:
    (output / "published").unlink()


def dangling_link(output: Path) -> None:
    remove_link(output)
    (output / "published").symlink_to("releases/20200101T000000.000000Z")


def unfinished_release(output: Path) -> None:
    release = (output / "published").resolve()
    release.rename(release.with_name(".unfinished-x"))
    remove_link(output)
    (output / "published").symlink_to("releases/.unfinished-x")


def changed_byte(output: Path) -> None:
    file = output / "published" / "parquet" / "dim_patients.parquet"
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:-1] + b"x")


def stray_file(output: Path) -> None:
    (output / "published" / "salvage.duckdb.wal").touch()


def changed_row(output: Path) -> None:
    in_database((output / "published").resolve(), "update marts.dim_patients set build = 1")


def lost_mart(output: Path) -> None:
    in_database((output / "published").resolve(), "drop table marts.dim_patients")


def other_build_id(output: Path) -> None:
    statement = "comment on table marts.dim_patients is '20200101T000000.000000Z'"
    in_database((output / "published").resolve(), statement)


def other_build_id_in_its_row(output: Path) -> None:
    statement = "update publication.build set build_id = '20200101T000000.000000Z'"
    in_database((output / "published").resolve(), statement)


def lost_row_of_the_build(output: Path) -> None:
    in_database((output / "published").resolve(), "drop table publication.build")


def parquet_of_the_old_release(output: Path) -> None:
    new, old = (output / "published").resolve(), min((output / "releases").iterdir())
    name = "parquet/dim_patients.parquet"
    (new / name).unlink()
    (new / name).write_bytes((old / name).read_bytes())
    sum_up_again(new)


def old_release_as_a_whole(output: Path) -> None:
    remove_link(output)
    (output / "published").symlink_to(min((output / "releases").iterdir()))


def half_removed_earlier_release(output: Path) -> None:
    (min((output / "releases").iterdir()) / "parquet" / "dim_patients.parquet").unlink()


@pytest.mark.parametrize(
    "break_it",
    [
        remove_link,
        dangling_link,
        unfinished_release,
        changed_byte,
        stray_file,
        changed_row,
        lost_mart,
        other_build_id,
        other_build_id_in_its_row,
        lost_row_of_the_build,
        parquet_of_the_old_release,
        old_release_as_a_whole,
        half_removed_earlier_release,
    ],
)
def test_broken_publication_is_told(
    output: Path, digests: Digests, break_it: Callable[[Path], None]
) -> None:
    break_it(output)
    assert publication_faults(output, digests)


@pytest.mark.parametrize(
    "name", [".published", "warehouse.duckdb.wal", "releases/.unfinished-x", "releases/x"]
)
def test_remnant_is_told(output: Path, name: str) -> None:
    (output / name).touch()
    assert remnants(output) == [f"{output / name} is left"]


def test_too_many_releases_are_told(output: Path) -> None:
    for _ in range(2):
        publish(output / "warehouse.duckdb", output, PROVENANCE, n_kept=9)
    assert remnants(output) == ["4 releases are kept"]


@pytest.mark.parametrize(
    ("build_ids", "rows"),
    [
        ({"old", "new"}, {"one": "a1", "two": "a2"}),
        ({"new"}, {"one": "a1", "two": "b2"}),
        ({"new"}, {"one": "c1", "two": "c2"}),
        (set(), {"one": "a1", "two": "a2"}),
    ],
    ids=["two_builds", "two_studies", "no_study", "no_build"],
)
def test_snapshot_that_does_not_hold_is_told(build_ids: set[str], rows: Digests) -> None:
    expected = {"a": {"one": "a1", "two": "a2"}, "b": {"one": "b1", "two": "b2"}}
    reader = Reader(0, [], expected)
    reader._judge(Path("output"), "database", Snapshot(frozenset({"new"}), expected["a"]))
    assert reader.report.faults == []
    reader._judge(Path("output"), "database", Snapshot(frozenset(build_ids), rows))
    assert len(reader.report.faults) == 1


def test_build_that_shows_another_study_later_is_told() -> None:
    reader = Reader(0, [], {"a": {"one": "a1"}, "b": {"one": "b1"}})
    for rows in ({"one": "a1"}, {"one": "b1"}):
        reader._judge(Path("output"), "database", Snapshot(frozenset({"new"}), rows))
    assert len(reader.report.faults) == 1


def test_score_is_the_last_line_and_the_exit_status() -> None:
    lines: list[str] = []
    assert score([], 3, lines.append) == 0
    assert score(["broken"], 3, lines.append) == 1
    assert lines == ["3 passed, 0 failed", "FAULT broken", "2 passed, 1 failed"]
