"""Publication replaces the old release as a whole and removes nothing but old releases."""

import os
import platform
import shutil
import stat
import subprocess
from datetime import date
from importlib.metadata import version
from pathlib import Path

import duckdb
import pytest

from salvage.project import public_marts
from salvage.publish import Provenance, publish
from tests.publication.checks import PROVENANCE


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """An output folder with a tiny private build: each mart holds one row."""
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("create schema marts")
        connection.execute("create table main.private_patient as select 'secret' as name")
        for mart in public_marts():
            connection.execute(f"create table marts.{mart} as select 1 as build")
    return tmp_path


def build(output: Path, number: int) -> None:
    with duckdb.connect(str(output / "warehouse.duckdb")) as connection:
        for mart in public_marts():
            connection.execute(f"update marts.{mart} set build = {number}")


def read(database: Path) -> list[object]:
    with duckdb.connect(str(database), read_only=True) as connection:
        return [
            connection.execute(f"select build from marts.{mart}").fetchall()
            for mart in public_marts()
        ]


def test_newest_release_is_published_and_three_are_kept(output: Path) -> None:
    for number in range(5):
        build(output, number)
        published = publish(output / "warehouse.duckdb", output, PROVENANCE)
        assert read(published / "salvage.duckdb") == [[(number,)]] * len(public_marts())
    assert len(list((output / "releases").iterdir())) == 3


def test_only_releases_are_ever_removed(output: Path) -> None:
    foreign = [output / "releases" / name for name in ("my-product-1.0", "zz1", "zz2", "zz3")]
    for folder in foreign:
        folder.mkdir(parents=True)
    (output / "releases" / ".DS_Store").touch()
    for _ in range(5):
        published = publish(output / "warehouse.duckdb", output, PROVENANCE)
    assert all(folder.is_dir() for folder in foreign)
    assert read(published / "salvage.duckdb")


def test_clock_set_back_does_not_remove_the_newest_release(output: Path) -> None:
    release = publish(output / "warehouse.duckdb", output, PROVENANCE).resolve()
    for year in range(2090, 2095):
        shutil.copytree(release, output / "releases" / f"{year}0101T000000.000000Z")
    build(output, 7)
    published = publish(output / "warehouse.duckdb", output, PROVENANCE)
    assert read(published / "salvage.duckdb") == [[(7,)]] * len(public_marts())


def test_unfinished_release_of_a_killed_run_is_cleared_away(output: Path) -> None:
    remnant = output / "releases" / ".unfinished-20200101T000000.000000Z"
    remnant.mkdir(parents=True)
    publish(output / "warehouse.duckdb", output, PROVENANCE)
    assert not remnant.exists()


def test_open_reader_keeps_its_release(output: Path) -> None:
    database = publish(output / "warehouse.duckdb", output, PROVENANCE) / "salvage.duckdb"
    with duckdb.connect(str(database), read_only=True) as reader:
        build(output, 2)
        publish(output / "warehouse.duckdb", output, PROVENANCE)
        assert reader.execute("select build from marts.dim_patients").fetchall() == [(1,)]
    assert read(database) == [[(2,)]] * len(public_marts())


def test_published_bytes_hold_no_private_table(output: Path) -> None:
    published = publish(output / "warehouse.duckdb", output, PROVENANCE)
    assert b"secret" not in (published / "salvage.duckdb").read_bytes()


def test_one_release_is_kept_where_one_is_asked_for(output: Path) -> None:
    for number in range(3):
        build(output, number)
        published = publish(output / "warehouse.duckdb", output, PROVENANCE, n_kept=1)
        assert list((output / "releases").iterdir()) == [published.resolve()]
    assert read(published / "salvage.duckdb") == [[(2,)]] * len(public_marts())


def test_only_the_owner_may_write_what_is_published_whatever_the_umask(output: Path) -> None:
    before = os.umask(0)
    try:
        published = publish(output / "warehouse.duckdb", output, PROVENANCE)
    finally:
        os.umask(before)
    paths = [published.resolve(), *published.resolve().rglob("*")]
    assert len(paths) == 1 + 1 + 1 + 1 + len(public_marts())
    for path in paths:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o755 if path.is_dir() else 0o444), path


def test_folder_of_releases_is_not_writable_by_others_either(output: Path) -> None:
    """Whoever may write there could put another release in the place of this one."""
    before = os.umask(0)
    try:
        publish(output / "warehouse.duckdb", output, PROVENANCE)
    finally:
        os.umask(before)
    assert not (output / "releases").stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH)


@pytest.mark.parametrize("name", ["salvage.duckdb", "parquet/dim_patients.parquet"])
def test_checksums_verify_and_tell_a_changed_byte(output: Path, name: str) -> None:
    published = publish(output / "warehouse.duckdb", output, PROVENANCE)
    check = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
    assert subprocess.run(check, cwd=published, capture_output=True).returncode == 0
    listed = [line.split("  ")[1] for line in (published / "SHA256SUMS").read_text().splitlines()]
    assert listed == sorted(
        ["salvage.duckdb", *(f"parquet/{mart}.parquet" for mart in public_marts())]
    )
    content = bytearray((published / name).read_bytes())
    content[len(content) // 2] ^= 1
    (published / name).chmod(0o644)
    (published / name).write_bytes(content)
    outcome = subprocess.run(check, cwd=published, capture_output=True, text=True)
    assert outcome.returncode == 1
    assert outcome.stdout == f"{name}: FAILED\n"


@pytest.mark.parametrize(
    ("provenance", "stated"),
    [
        (Provenance("demo", None, 579), ("demo", True, None, 579)),
        (Provenance("files", date(2008, 2, 20), 1), ("files", False, date(2008, 2, 20), 1)),
        (Provenance("omop", None, 7), ("omop", False, None, 7)),
    ],
    ids=["demo", "files", "omop"],
)
def test_one_row_says_where_the_marts_come_from(
    output: Path, provenance: Provenance, stated: tuple[object, ...]
) -> None:
    published = publish(output / "warehouse.duckdb", output, provenance)
    with duckdb.connect(str(published / "salvage.duckdb"), read_only=True) as connection:
        found = connection.execute(
            "select build_id, input, is_synthetic, data_cutoff_date, n_checks, salvage_version, "
            "dbt_version, duckdb_version, python_version from publication.build"
        ).fetchall()
        columns = connection.execute("describe publication.build").fetchall()
        comments = connection.execute("select distinct comment from duckdb_tables()").fetchall()
    build_id = published.resolve().name
    versions = (version("salvage"), version("dbt-core"), duckdb.__version__)
    assert found == [(build_id, *stated, *versions, platform.python_version())]
    assert {name: kind for name, kind, *_ in columns} == {
        **dict.fromkeys(["build_id", "input", "salvage_version", "dbt_version"], "VARCHAR"),
        **dict.fromkeys(["duckdb_version", "python_version"], "VARCHAR"),
        "is_synthetic": "BOOLEAN",
        "data_cutoff_date": "DATE",
        "n_checks": "INTEGER",
    }
    assert comments == [(build_id,)]


def test_publication_says_nothing_of_the_machine(output: Path) -> None:
    """Neither where it was made, nor by whom: readers may be anybody."""
    published = publish(output / "warehouse.duckdb", output, PROVENANCE)
    content = (published / "salvage.duckdb").read_bytes()
    for secret in (str(output), output.name, platform.node(), str(Path.home())):
        assert secret.encode() not in content, secret
