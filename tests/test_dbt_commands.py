"""What a dbt user does from the root works without a warning, and everything is described."""

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from salvage.build import dbt_build, run_dbt
from salvage.gate import load_folder
from salvage.project import DEMO_DIR, public_marts


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Database, target and logs of a dbt user, with the demo built by `dbt build`.

    Its unit tests are left to `dbt test` below, so that they run once.
    """
    folder = tmp_path_factory.mktemp("dbt")
    dbt(folder, "build", "--exclude", "resource_type:unit_test")
    return folder


def dbt(folder: Path, *command: str) -> None:
    """Run dbt as from the root; a warning is an error."""
    outcome = run_dbt(["--warn-error", "--quiet", *command], folder / "warehouse.duckdb", folder)
    assert outcome.success, (outcome.exception, outcome.result)


# A second `dbt seed` too: what is loaded then must be as if loaded first.
@pytest.mark.parametrize("command", ["seed", "run", pytest.param("test", marks=pytest.mark.slow)])
def test_dbt_command_works_without_a_warning(folder: Path, command: str) -> None:
    dbt(folder, *command.split())


def test_docs_are_generated_and_every_column_is_described(folder: Path) -> None:
    dbt(folder, "docs", "generate", "--static")
    assert (folder / "target" / "static_index.html").is_file()
    catalog: dict[str, Any] = json.loads((folder / "target" / "catalog.json").read_text())
    manifest: dict[str, Any] = json.loads((folder / "target" / "manifest.json").read_text())
    assert {node.split(".")[-1] for node in catalog["nodes"]} >= set(public_marts())
    undescribed = []
    for node_id, table in catalog["nodes"].items():
        node = manifest["nodes"][node_id]
        described = {
            name for name, column in node["columns"].items() if column["description"].strip()
        }
        undescribed += [f"{node['name']}.{name}" for name in set(table["columns"]) - described]
        undescribed += [] if node["description"].strip() else [node["name"]]
    for node_id, node in {**manifest["nodes"], **manifest["sources"]}.items():
        if node["resource_type"] in ("model", "source", "seed", "analysis"):
            undescribed += [] if node["description"].strip() else [node_id]
    assert undescribed == []


@pytest.mark.slow
def test_seeds_and_files_give_the_same_marts(folder: Path, tmp_path: Path) -> None:
    """`dbt build` reads the demo as seeds, `salvage` as files: one result."""
    warehouse = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(warehouse)) as connection:
        load_folder(DEMO_DIR, connection, print, show_progress=False)
    assert dbt_build(warehouse, tmp_path, {}, show_progress=False).passed
    with duckdb.connect() as connection:
        connection.execute(f"attach '{warehouse}' as files (read_only)")
        connection.execute(f"attach '{folder / 'warehouse.duckdb'}' as seeds (read_only)")
        for name in public_marts():
            rows = [
                connection.execute(f"select * from {side}.marts.{name} order by all").fetchall()
                for side in ("files", "seeds")
            ]
            assert rows[0] == rows[1], name
