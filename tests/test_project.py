"""The project keeps its own promises about seeds, contract and SQL."""

import csv
import hashlib
import re
from pathlib import Path

import pytest

from salvage.project import DEMO_DIR, PROJECT_DIR, input_tables, public_marts


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("table", sorted(input_tables("clinic")))
def test_demo_file_has_the_contract_s_columns_and_is_sorted(table: str) -> None:
    contract = input_tables("clinic")[table]
    records = rows(DEMO_DIR / f"{table}.csv")
    assert tuple(records[0]) == contract.columns
    keys = [record[contract.columns[0]] for record in records]
    assert keys == sorted(keys)


def test_demo_input_files_are_current() -> None:
    stated = rows(DEMO_DIR / "demo_input_files.csv")
    measured = [
        {
            "table_name": row["table_name"],
            "file_name": f"{row['table_name']}.csv",
            "file_sha256": hashlib.sha256((DEMO_DIR / row["file_name"]).read_bytes()).hexdigest(),
            "n_records": str(len(rows(DEMO_DIR / row["file_name"]))),
        }
        for row in stated
    ]
    assert stated == measured
    assert {row["table_name"] for row in stated} == set(input_tables("clinic"))


def test_demo_has_at_least_twenty_patients_outside_the_analysis_set() -> None:
    cases = rows(DEMO_DIR / "demo_cases.csv")
    inside = [case for case in cases if case["last_attrition_step"] == "within_salvage_window"]
    assert len(inside) == 19
    assert len(cases) - len(inside) >= 20
    assert {case["patient_id"] for case in cases} == {
        row["patient_id"] for row in rows(DEMO_DIR / "patients.csv")
    }


def test_no_drug_and_no_window_stands_in_sql() -> None:
    """Drugs and windows are data: no ingredient, brand name or day count in models or macros."""
    reference = PROJECT_DIR / "seeds" / "reference"
    names = {row["drug_name"] for row in rows(reference / "drug_names.csv")}
    names |= {row["ingredient"] for row in rows(reference / "ingredients.csv")}
    words = re.compile(r"'(" + "|".join(map(re.escape, sorted(names))) + r")'", re.IGNORECASE)
    day_count = re.compile(r"\b(14|28|29|30|70|90)\b")
    for path in [
        *(PROJECT_DIR / "models").rglob("*.sql"),
        *(PROJECT_DIR / "macros").rglob("*.sql"),
    ]:
        code = re.sub(r"\{#.*?#\}|--[^\n]*", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert not words.search(code), path
        assert not day_count.search(code), path


def test_models_hold_no_bare_date_arithmetic_and_ask_for_no_engine() -> None:
    bare = re.compile(r"\binterval\b|date_diff|dateadd|datediff|date_add|_date\s*[-+]\s", re.I)
    for path in (PROJECT_DIR / "models").rglob("*.sql"):
        code = re.sub(r"--[^\n]*", "", path.read_text(encoding="utf-8"))
        assert not bare.search(code), path
        assert "target." not in code, path


def test_public_marts_are_those_of_the_specification() -> None:
    assert set(public_marts()) >= {
        "dim_patients",
        "fct_drug_eras",
        "fct_salvage_episodes",
        "fct_remissions",
        "fct_adverse_events",
        "agg_remission_by_arm",
        "agg_adverse_events_by_arm",
        "agg_cohort_attrition",
        "agg_published_comparison",
        "dq_published_integrity",
        "dq_row_ledger",
        "dq_quarantine",
    }


def test_documents_name_every_mart_and_input_column() -> None:
    docs = PROJECT_DIR / "docs"
    marts, columns = (docs / "marts.md").read_text(), (docs / "input.md").read_text()
    assert [name for name in public_marts() if f"`{name}`" not in marts] == []
    missing = [
        column
        for table in input_tables("clinic").values()
        for column in table.columns
        if f"`{column}`" not in columns
    ]
    assert missing == []
