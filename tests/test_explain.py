"""`salvage explain` on a published file made by hand, and on what it cannot answer."""

from datetime import date
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result

from salvage.cli import main
from tests.harness import Warehouse
from tests.mutation.studies import demo_tables

LATE = """\
Protocol uc_rescue
  1. all_patients: met
     the patient's record was accepted.
     records in patients: P030
  2. has_diagnosis: met
     the diagnosis recorded is ulcerative colitis.
     records in patients: P030
  3. steroid_refractory: met
     the disease is recorded as steroid-refractory.
     records in patients: P030
  4. exposed_to_failed_drug: met
     cyclosporine was given from 2002-10-25 to 2002-11-10.
     arm ifx_after_csa: failed drug 2002-10-25 to 2002-11-10
     records in drug_exposures: DX-P030-02, DX-P030-04
"""


def explain(output: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["explain", *arguments, "--output", str(output)])


@pytest.fixture(scope="module")
def output(warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the demo's trace in it, under two protocols of which one is a copy."""
    rows = warehouse.build(demo_tables(), wanted=["fct_decision_trace"])["fct_decision_trace"]
    copies = [row | {"protocol_id": "a_copy"} for row in rows]
    folder = tmp_path_factory.mktemp("explain")
    write_trace(folder, [*rows[::-1], *copies])
    return folder


def write_trace(folder: Path, rows: list[dict[str, object]]) -> None:
    kinds = {str: "varchar", int: "integer", date: "date"}
    named = {name: [row[name] for row in rows] for name in rows[0]}
    columns = {
        name: kinds[next(type(value) for value in values if value is not None)]
        for name, values in named.items()
    }
    (folder / "published").mkdir()
    with duckdb.connect(str(folder / "published" / "salvage.duckdb")) as connection:
        connection.execute("create schema marts")
        declared = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        connection.execute(f"create table marts.fct_decision_trace ({declared})")
        marks = ", ".join("?" for _ in columns)
        connection.executemany(
            f"insert into marts.fct_decision_trace values ({marks})",
            [list(row.values()) for row in rows],
        )


def test_trace_of_an_excluded_patient_ends_with_the_rule_that_excludes(output: Path) -> None:
    result = explain(output, "P030", "--protocol", "uc_rescue")
    assert result.exit_code == 0, result.output
    assert result.output.startswith(LATE)
    assert result.output.endswith(
        "  7. within_salvage_window: not met\n"
        "     infliximab began 29 days after the last cyclosporine day; the window is 28 days.\n"
        "     arm ifx_after_csa: failed drug 2002-10-25 to 2002-11-10, "
        "alternate drug from 2002-12-09 (gap 29)\n"
        "     records in drug_exposures: DX-P030-02, DX-P030-04, DX-P030-05, DX-P030-06, "
        "DX-P030-07, DX-P030-08\n"
        "  => excluded at step 7, within_salvage_window\n"
    )


def test_trace_of_a_counted_patient_ends_in_the_analysis_set(output: Path) -> None:
    result = explain(output, "P006", "--protocol", "uc_rescue")
    assert result.exit_code == 0
    assert "28 days after the last cyclosporine day; the window is 28 days." in result.output
    assert result.output.endswith("  => in the analysis set, arm ifx_after_csa\n")


def test_every_protocol_is_explained_in_order(output: Path) -> None:
    result = explain(output, "P020")
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert [line for line in lines if line.startswith("Protocol")] == [
        "Protocol a_copy",
        "Protocol uc_rescue",
    ]
    assert lines.count("  => excluded at step 2, has_diagnosis") == 2
    assert lines.count("") == 1


def test_option_comes_before_or_after_the_patient(output: Path) -> None:
    before = CliRunner().invoke(main, ["explain", "--output", str(output), "P020"])
    assert before.output == explain(output, "P020").output


@pytest.mark.parametrize(
    "patient_id", ["nobody", "p030", "P030 ", "", "P\u00d6", "\udce9", "' or 1"]
)
def test_unknown_patient(output: Path, patient_id: str) -> None:
    result = explain(output, patient_id)
    assert result.exit_code == 2
    assert result.output.startswith("error: No accepted patient has this id.")
    assert "dq_quarantine" in result.output


def test_unknown_protocol(output: Path) -> None:
    result = explain(output, "P030", "--protocol", "uc")
    assert result.exit_code == 2
    assert result.output == ("error: No such protocol is published; there is: a_copy, uc_rescue.\n")


def test_nothing_published_yet(tmp_path: Path) -> None:
    folder = tmp_path / "not_there"
    result = explain(folder, "P030")
    assert result.exit_code == 2
    assert "nothing is published yet; `salvage run` does it." in result.output
    assert not folder.exists()


def test_folder_whose_name_is_not_text(tmp_path: Path) -> None:
    result = explain(tmp_path / "\udce9", "P030")
    assert result.exit_code == 2
    assert "nothing is published yet" in result.output


def test_file_without_a_trace(tmp_path: Path) -> None:
    (tmp_path / "published").mkdir()
    duckdb.connect(str(tmp_path / "published" / "salvage.duckdb")).close()
    result = explain(tmp_path, "P030")
    assert result.exit_code == 2
    assert "holds no decision trace" in result.output


def test_file_that_is_not_duckdb_s(tmp_path: Path) -> None:
    (tmp_path / "published").mkdir()
    (tmp_path / "published" / "salvage.duckdb").write_text("no database " * 100)
    result = explain(tmp_path, "P030")
    assert result.exit_code == 2
    assert result.output.endswith("cannot be read as a DuckDB file.\n")


def test_patient_is_required(output: Path) -> None:
    assert explain(output).exit_code == 2
