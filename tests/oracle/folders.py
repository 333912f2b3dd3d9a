"""A cohort written as the input folder of SPEC section 1, for tests of the real command line."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .oracle import TABLES, Record, Reference, Tables

REFERENCE_COLUMNS = {
    "protocols": [
        "protocol_id",
        "diagnosis",
        "require_steroid_refractory",
        "require_failure",
        "window_days",
        "max_overlap_days",
        "remission_within_days",
        "ae_risk_window_days",
        "days_per_month",
    ],
    "protocol_arms": [
        "protocol_id",
        "arm_id",
        "arm_label",
        "failed_ingredient",
        "salvage_ingredient",
        "window_days",
    ],
    "ingredients": [
        "ingredient",
        "omop_concept_id",
        "rxnorm_code",
        "atc_code",
        "era_gap_days",
        "is_rescue",
    ],
    "drug_names": ["drug_name", "ingredient"],
    "procedure_names": ["procedure_name", "procedure_group"],
}


def write_folder(
    tables: Tables,
    reference: Reference,
    directory: Path,
    *,
    bom: bool = False,
    line_end: str = "\n",
) -> Path:
    """Write `<table>.csv` and the five reference files into `directory`, made if need be.

    Every record starts on its own `line_number`; blank lines, which are no records, fill the
    gaps. A table that `tables` does not name gets no file. Returns `directory`. Raises
    ValueError where a record cannot stand on its line.
    """
    directory.mkdir(parents=True, exist_ok=True)
    texts = {table: _table_text(table, records, line_end) for table, records in tables.items()}
    for name, columns in REFERENCE_COLUMNS.items():
        lines = [columns] + [_cells(row, columns) for row in reference[name]]
        texts[name] = "".join(_line(cells, line_end) for cells in lines)
    for name, text in texts.items():
        encoded = text.encode("utf-8-sig" if bom else "utf-8")
        (directory / f"{name}.csv").write_bytes(encoded)
    return directory


def _table_text(table: str, records: Sequence[Record], line_end: str) -> str:
    columns = [column.name for column in TABLES[table]]
    text = _line(columns, line_end)
    line_number = 2
    for record in sorted(records, key=lambda record: record.line_number):
        if record.line_number < line_number:
            raise ValueError(f"{table}: line {record.line_number} is taken")
        line = _line(_field_list(record, len(columns)), line_end)
        text += line_end * (record.line_number - line_number) + line
        line_number = record.line_number + line.count("\n")
    return text


def _field_list(record: Record, n_columns: int) -> list[str]:
    """The record's fields; of the wrong number where it is marked so."""
    cells = ["?"] if record.cells is None else record.cells
    if record.has_wrong_field_count and len(cells) == n_columns:
        return [*cells, "surplus"]
    return cells


def _cells(row: Mapping[str, Any], columns: list[str]) -> list[str]:
    cells = []
    for column in columns:
        value = row[column]
        if value is None:
            cells.append("")
        elif isinstance(value, bool):
            cells.append("true" if value else "false")
        else:
            cells.append(str(value))
    return cells


def _line(cells: list[str], line_end: str) -> str:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator=line_end).writerow(cells)
    return buffer.getvalue()
