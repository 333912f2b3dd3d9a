"""The settings of docs/publication.md let a reader query the published file, and nothing else."""

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from salvage.project import PROJECT_DIR, public_marts
from salvage.publish import publish
from tests.publication.checks import PROVENANCE
from tests.publication.readers import READER_SETTINGS


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A publication whose marts hold one row each, beside files that a reader could ask for."""
    warehouse = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema marts")
        for mart in public_marts():
            connection.execute(f"create table marts.{mart} as select 1 as build")
    (tmp_path / "names.csv").write_text("name\nsecret\n")
    return publish(warehouse, tmp_path, PROVENANCE)


@pytest.fixture
def reader(published: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(published / "salvage.duckdb"), config=READER_SETTINGS) as connection:
        yield connection


def test_these_are_the_documented_settings() -> None:
    page = (PROJECT_DIR / "docs" / "publication.md").read_text(encoding="utf-8")
    assert json.dumps({"config": READER_SETTINGS}) in page


def test_every_mart_can_be_queried(reader: duckdb.DuckDBPyConnection) -> None:
    for mart in public_marts():
        assert reader.execute(f"select * from marts.{mart}").fetchall() == [(1,)]
    joined = "select count(*) from marts.dim_patients inner join marts.fct_remissions using (build)"
    assert reader.execute(joined).fetchone() == (1,)


@pytest.mark.parametrize(
    "statement",
    [
        "insert into marts.dim_patients values (2)",
        "update marts.dim_patients set build = 2",
        "delete from marts.dim_patients",
        "drop table marts.dim_patients",
        "create table marts.more as select 1 as build",
        "comment on table marts.dim_patients is 'other'",
        "attach '{folder}/warehouse.duckdb' as private (read_only)",
        "attach '{folder}/new.duckdb' as new",
        "select * from '{folder}/warehouse.duckdb'",
        "select * from '{folder}/names.csv'",
        "select * from read_csv('{folder}/names.csv')",
        "select * from read_text('{folder}/names.csv')",
        "select * from glob('{folder}/*')",
        "select * from '{folder}/published/parquet/dim_patients.parquet'",
        "create temp table names as select * from read_csv('{folder}/names.csv')",
        "copy marts.dim_patients to '{folder}/copy.csv'",
        "export database '{folder}/export'",
        "install httpfs",
        "load httpfs",
        "set enable_external_access = true",
        "set lock_configuration = false",
        "reset lock_configuration",
        "set memory_limit = '64GB'",
        "set allowed_directories = ['{folder}']",
        "set temp_directory = '{folder}'",
    ],
)
def test_all_else_is_refused(
    reader: duckdb.DuckDBPyConnection, tmp_path: Path, statement: str
) -> None:
    names = {path.name for path in tmp_path.iterdir()}
    with pytest.raises(
        (duckdb.PermissionException, duckdb.InvalidInputException),
        match=r"read-only mode|disabled|configuration has been locked|disallowed",
    ):
        reader.execute(statement.format(folder=tmp_path)).fetchall()
    assert {path.name for path in tmp_path.iterdir()} == names
    assert reader.execute("select build from marts.dim_patients").fetchall() == [(1,)]
