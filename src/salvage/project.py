"""Where the dbt project lies, and what its input contract and its public marts are."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

PROJECT_DIR = Path(__file__).resolve().parents[2]
DEMO_DIR = PROJECT_DIR / "seeds" / "demo"
# What `salvage check` writes.
CHECK_REPORTS = ("row_ledger.csv", "quarantine.csv", "unmapped_names.csv")


@dataclass(frozen=True)
class InputTable:
    """One table of the input contract.

    Attributes:
        name: the table's and the file's name.
        columns: column names in the contract's order.
        required_columns: those whose value is required; their header must be there.
        codes: the codes of each column that holds one of a few.
        schema: schema of the private warehouse that its records are loaded into.
    """

    name: str
    columns: tuple[str, ...]
    required_columns: frozenset[str]
    codes: dict[str, tuple[str, ...]]
    schema: str


@cache
def input_tables(source_name: str) -> dict[str, InputTable]:
    """Return the tables of one dbt source, `clinic` or `own_reference`, by name.

    The contract is written once, in models/staging/*/_*__sources.yml.
    """
    for path in sorted((PROJECT_DIR / "models" / "staging").glob("*/_*__sources.yml")):
        for source in yaml.safe_load(path.read_text(encoding="utf-8"))["sources"]:
            if source["name"] == source_name:
                return {
                    table["name"]: _input_table(table, source["schema"])
                    for table in source["tables"]
                    if table["name"] != "input_files"
                }
    raise LookupError(f"no source {source_name!r} in {PROJECT_DIR}/models/staging")


def _input_table(table: dict[str, Any], schema: str) -> InputTable:
    columns = table["columns"]
    return InputTable(
        name=table["name"],
        columns=tuple(column["name"] for column in columns),
        required_columns=frozenset(
            column["name"] for column in columns if column["config"]["meta"].get("is_required")
        ),
        codes={
            column["name"]: tuple(column["config"]["meta"]["codes"])
            for column in columns
            if "codes" in column["config"]["meta"]
        },
        schema=schema,
    )


@cache
def public_marts(is_omop: bool = False) -> tuple[str, ...]:
    """Return the names of the public marts, sorted: the models in models/marts.

    Args:
        is_omop: does the input come from a CDM? Then those in models/marts/omop are among them.
    """
    marts = PROJECT_DIR / "models" / "marts"
    return tuple(
        sorted(
            path.stem for path in marts.rglob("*.sql") if is_omop or path.parent != marts / "omop"
        )
    )
