"""Each exposure declares the marts that it reads, no more and no fewer.

What is read is found in the SQL that is sent to DuckDB while the dashboard, the figures and the
paper's table are made from the demo.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot
from sqlglot import expressions

from salvage import report
from salvage.build import run_dbt
from salvage.dashboard.figures import drawings
from salvage.dashboard.page import write_dashboard
from salvage.project import DEMO_DIR, public_marts
from salvage.publish import Provenance
from tests.harness import Warehouse

Manifest = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def published(warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exposures") / "output"
    return warehouse.publish_folder(DEMO_DIR, print, folder, Provenance("demo", None, 1))


@pytest.fixture(scope="module")
def declared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Manifest]:
    """The exposures as dbt reads them, by name, for a study's files and for a CDM."""
    return {
        kind: parse(tmp_path_factory.mktemp(kind), {"input": kind, "omop": "cdm.duckdb"})
        for kind in ("files", "omop")
    }


def parse(folder: Path, variables: dict[str, str]) -> Manifest:
    outcome = run_dbt(
        ["--warn-error", "--quiet", "parse", "--vars", json.dumps(variables)],
        folder / "warehouse.duckdb",
        folder,
    )
    assert outcome.success, outcome.exception
    manifest = json.loads((folder / "target" / "manifest.json").read_text(encoding="utf-8"))
    return {exposure["name"]: exposure for exposure in manifest["exposures"].values()}


def marts_of(exposure: dict[str, Any]) -> set[str]:
    """The marts that an exposure declares."""
    nodes = exposure["depends_on"]["nodes"]
    assert len(nodes) == len(set(nodes)) > 0
    return {node.removeprefix("model.salvage.") for node in nodes}


class Recorded:
    """A connection that keeps what is asked of it, and can be asked in no other way."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, asked: list[str]) -> None:
        self._connection = connection
        self._asked = asked

    def __enter__(self) -> "Recorded":
        return self

    def __exit__(self, *error: object) -> None:
        self._connection.close()

    def execute(self, sql: str, parameters: object = None) -> duckdb.DuckDBPyConnection:
        self._asked.append(sql)
        return self._connection.execute(sql, parameters)


def marts_read(monkeypatch: pytest.MonkeyPatch, make: Callable[[], object]) -> set[str]:
    """The marts that are read while something is made."""
    asked: list[str] = []
    connect = duckdb.connect
    monkeypatch.setattr(
        duckdb, "connect", lambda *names, **options: Recorded(connect(*names, **options), asked)
    )
    make()
    return set().union(*map(marts_in, asked))


def marts_in(sql: str) -> set[str]:
    """The marts that a query names."""
    query = sqlglot.parse_one(sql, dialect="duckdb")
    own = {step.alias for step in query.find_all(expressions.CTE)}
    marts = set()
    for table in query.find_all(expressions.Table):
        if table.db == "marts":
            marts.add(table.name)
        else:
            is_function = isinstance(table.this, expressions.Func)
            assert table.db == "publication" or is_function or table.name in own, table.sql()
    return marts


def make_dashboard(published: Path, folder: Path) -> None:
    write_dashboard(published, folder)


def make_figures(published: Path, folder: Path) -> None:
    drawings(published, "double")


def make_paper_table(published: Path, folder: Path) -> None:
    report.arms_table(published / "salvage.duckdb")
    report.comparison_table(published / "salvage.duckdb")


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("dashboard", make_dashboard),
        ("figures", make_figures),
        ("paper_table", make_paper_table),
    ],
)
def test_exposure_declares_what_it_reads(
    published: Path,
    declared: dict[str, Manifest],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    make: Callable[[Path, Path], None],
) -> None:
    read = marts_read(monkeypatch, lambda: make(published, tmp_path / "made"))
    assert marts_of(declared["files"][name]) == read
    assert marts_of(declared["omop"][name]) == read


def test_dashboard_of_a_cdm_declares_what_it_reads_besides(
    published: Path,
    declared: dict[str, Manifest],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The marts that are there only with a CDM stand beside those of the demo, of any content."""
    database = shutil.copy(published / "salvage.duckdb", tmp_path)
    Path(database).chmod(0o600)
    with duckdb.connect(database) as connection:
        for mart in set(public_marts(is_omop=True)) - set(public_marts()):
            connection.execute(
                f"create table marts.{mart} as "
                "select 'person' as cdm_table, 'repeated_key' as finding, 1 as n_records"
            )
    read = marts_read(monkeypatch, lambda: make_dashboard(tmp_path, tmp_path / "made"))
    of_cdm = marts_of(declared["omop"]["dashboard_of_cdm"])
    assert read == marts_of(declared["omop"]["dashboard"]) | of_cdm
    assert of_cdm.isdisjoint(public_marts())
    assert "dashboard_of_cdm" not in declared["files"]


def test_exposures_say_what_they_are(declared: dict[str, Manifest]) -> None:
    assert set(declared["omop"]) == {"dashboard", "dashboard_of_cdm", "figures", "paper_table"}
    for exposure in declared["omop"].values():
        assert exposure["owner"]["name"] and exposure["maturity"] and exposure["label"]
        assert len(exposure["description"]) > 40


@pytest.mark.parametrize(
    ("sql", "marts"),
    [
        ("from marts.one", {"one"}),
        ("with two as (select * from marts.one) select * from two join marts.three using (x)",
         {"one", "three"}),
        ("select (select max(x) from marts.one) from publication.build", {"one"}),
        ("select table_name from duckdb_tables() where schema_name = 'marts'", set()),
    ],
)  # fmt: skip
def test_marts_are_found_in_sql(sql: str, marts: set[str]) -> None:
    assert marts_in(sql) == marts


@pytest.mark.parametrize("sql", ["from one", "select * from intermediate.one"])
def test_what_is_no_mart_is_found_in_sql(sql: str) -> None:
    with pytest.raises(AssertionError):
        marts_in(sql)
