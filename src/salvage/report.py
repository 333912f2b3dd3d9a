"""What the commands print at their end: small tables made from the marts."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pandas

from salvage.project import CHECK_REPORTS, input_tables

_ARMS = """
select
    remission.protocol_id as protocol,
    remission.arm_label as arm,
    remission.n_patients as patients,
    format('{} ({:.0f}%)', n_remissions, 100 * remission_rate) as remission,
    format('{:.0f}-{:.0f}%', 100 * remission.wilson_low, 100 * remission.wilson_high)
        as "95% interval",
    format('{:.1f} ({:.1f}-{:.1f})', mean_months, min_months, max_months)
        as "months in remission: mean (range)",
    safety.n_patients_with_sae as "with emergent serious event",
    safety.n_deaths as "died of it"
from {schema}.agg_remission_by_arm as remission
inner join {schema}.agg_adverse_events_by_arm as safety using (protocol_id, arm_id)
order by protocol, remission.arm_id = 'all', remission.arm_id
"""

_COMPARISON = """
with figures as (
    select
        *,
        case when event_term is null then measure else measure || ': ' || event_term end
            as figure
    from marts.agg_published_comparison
    where is_reference_study
)

select
    protocol_id as protocol,
    arm_id as arm,
    figure,
    format('{:g}', published_value) as published,
    format('{:.10g}', round(observed_value, 2)) as "this build",
    case when is_match then 'yes' else 'no' end as matches
from figures
order by protocol, arm = 'all', arm, figure
"""

_LEDGER = """
select
    file_name as file,
    n_records as records,
    n_accepted as accepted,
    n_collapsed as collapsed,
    n_quarantined as quarantined,
    n_end_dates_cut as "end dates cut"
from marts.dq_row_ledger
order by file
"""

_UNMAPPED = """
select
    file_name,
    column_name,
    count(*) as n_records,
    list(line_number order by line_number) as line_numbers
from marts.dq_unmapped_names
group by file_name, column_name
order by file_name
"""

_QUARANTINE = """
select
    file_name as file,
    line_number as line,
    column_name as column,
    reason
from marts.dq_quarantine
order by file, line
"""

_UNMAPPED_RECORDS = """
select
    file_name as file,
    line_number as line,
    column_name as column
from marts.dq_unmapped_names
order by file, line
"""

# How to mend a record that is kept out (SPEC 1); {codes} are those of the column.
_REMEDIES = {
    "wrong_field_count": "The record has more or fewer cells than the header; put a cell that "
    "holds a comma into quotation marks.",
    "field_too_long": "Shorten the cell to at most 10,000 characters.",
    "missing_required": "Fill the cell; a value is required.",
    "bad_id": "Write the id with letters, digits and _ . : - only, at most 64 of them, "
    "beginning with a letter or a digit.",
    "bad_date": "Write the date as YYYY-MM-DD, without time, a day of the calendar from "
    "1850-01-01 on; leave it empty where it is not known and not required.",
    "bad_number": "Write a plain number with a decimal point, without unit or thousands "
    "separator (a dose above 0, a grade from 1 to 5); leave it empty where it is not known.",
    "bad_boolean": "Write true or false; leave it empty where it is not known.",
    "bad_code": "Write one of: {codes}.",
    "duplicate_key": "Records with this id contradict each other; keep the right one, or give "
    "each its own id.",
    "birth_after_death": "The patient dies before being born; correct one of the dates.",
    "follow_up_before_birth": "The last follow-up is before birth; correct one of the dates.",
    "orphan_patient": "No accepted patient has this id; mend or add that patient's record in "
    "the file of patients first.",
    "end_before_start": "It ends before it begins; correct one of the dates.",
    "before_birth": "It begins before the patient's birth; correct one of the dates.",
    "after_death": "It begins after the patient's death; correct one of the dates.",
    "after_cutoff": "It begins after the patient's observation ended; correct the date, or the "
    "patient's last follow-up.",
}
_UNMAPPED_REMEDY = "The name is not known; correct it, or add it to {file}."

_SHOWN_LINES = 10

# Why a study's own reference file is refused: models/intermediate/reference_data.
_REFERENCE_FAULTS = {
    "wrong_field_count": "the record has more or fewer cells than the header",
    "field_too_long": "the cell is longer than 10,000 characters",
    "missing_required": "a value is required",
    "bad_id": "not an id (letters, digits and _ . : -, at most 64)",
    "bad_number": "not a number of its kind; days are a whole number such as 60",
    "bad_boolean": "not true or false",
    "duplicate_key": "another record has the same key",
    "contradicted_name": "the same name stands for two things",
    "unknown_ingredient": "no such ingredient is shipped; add it to ingredients.csv",
    "unknown_protocol": "no such protocol is in protocols.csv",
    "unknown_concept_set": "no concept set of this name is shipped; add it to concept_sets.csv",
    "no_steroid_rule": "omop_steroid_rules.csv says nothing of this protocol's corticosteroids",
    "protocol_without_arm": "the protocol has no arm in protocol_arms.csv",
    "reserved_word": "the word is reserved",
    "same_drug_twice": "failed and salvage drug are the same",
}


def arms_table(database: Path) -> str:
    """Return remission and serious events by arm, as text."""
    return _table(database, _ARMS.replace("{schema}", "marts"))


def comparison_table(database: Path) -> str:
    """Return the reference study's figures beside this build's, '' where there is no such study.

    Other studies stand in the mart, too, but no build has to match them.
    """
    return _table(database, _COMPARISON)


def ledger_table(database: Path) -> str:
    """Return what became of each input file's records, as text."""
    return _table(database, _LEDGER)


def quarantine_table(database: Path, n_shown: int) -> str:
    """Return file, line, column and reason of the first quarantined records, '' where none is."""
    return _table(database, f"{_QUARANTINE} limit {n_shown}")


def write_check(database: Path, folder: Path) -> None:
    """Write the account of every record as CSV files, so that a clinic can mend its export.

    row_ledger.csv has a line for each file, quarantine.csv one for each quarantined record and
    unmapped_names.csv one for each accepted record whose name is not known; the latter two say
    how to mend it. No cell's value is in them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ledger_csv, quarantine_csv, unmapped_csv = (folder / name for name in CHECK_REPORTS)
    with duckdb.connect(str(database), read_only=True) as connection:
        ledger = connection.execute(_LEDGER.replace("end dates cut", "end_dates_cut"))
        _write_csv(ledger_csv, _names(ledger), _rows(ledger))
        quarantine = connection.execute(_QUARANTINE)
        _write_csv(
            quarantine_csv,
            [*_names(quarantine), "how_to_mend"],
            ((*row, remedy(*row[-2:])) for row in _rows(quarantine)),
        )
        unmapped = connection.execute(_UNMAPPED_RECORDS)
        _write_csv(
            unmapped_csv,
            [*_names(unmapped), "how_to_mend"],
            ((*row, _UNMAPPED_REMEDY.format(file=_names_file(row[2]))) for row in _rows(unmapped)),
        )


def remedy(column: str | None, reason: str) -> str:
    """Return a sentence on how to mend a record that is quarantined for this reason."""
    codes: tuple[str, ...] = ()
    if reason == "bad_code":
        (codes,) = {
            table.codes[column]
            for table in input_tables("clinic").values()
            if column in table.codes
        }
    return _REMEDIES[reason].format(codes=", ".join(codes))


def _names_file(column: str) -> str:
    return f"{column}s.csv"


def _names(result: duckdb.DuckDBPyConnection) -> list[str]:
    return [str(column[0]) for column in result.description or []]


def _rows(result: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    while rows := result.fetchmany(10_000):
        yield from rows


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def unmapped_names(database: Path) -> list[str]:
    """Return a sentence for each file with accepted records whose name maps to nothing."""
    with duckdb.connect(str(database), read_only=True) as connection:
        rows = connection.execute(_UNMAPPED).fetchall()
    return [_unmapped_sentence(*row) for row in rows]


def _unmapped_sentence(file: str, column: str, n_records: int, lines: list[int]) -> str:
    if file == "drug_exposure":
        return (
            f"{file}: {n_records} accepted records have no RxNorm ingredient and count for "
            "nothing; the mart dq_unmapped_names lists them."
        )
    shown = ", ".join(map(str, lines[:_SHOWN_LINES]))
    return (
        f"{file}: {n_records} accepted records have a {column} that is not known and count for "
        f"nothing; add it to {_names_file(column)} "
        f"(line {shown}{' ...' if n_records > _SHOWN_LINES else ''})."
    )


def n_quarantined(database: Path) -> int:
    """Return how many records are kept out."""
    with duckdb.connect(str(database), read_only=True) as connection:
        row = connection.execute("select count(*) from marts.dq_quarantine").fetchone()
    return int(row[0]) if row else 0


def reference_problems(database: Path, folder: Path) -> list[str]:
    """Return a sentence for each bad row of the reference files in the study's folder."""
    with duckdb.connect(str(database), read_only=True) as connection:
        built = connection.execute(
            "select 1 from duckdb_tables() where table_name = 'int_reference_problems'"
        ).fetchone()
        if not built:
            return []
        rows = connection.execute(
            "select table_name, line_number, column_name, reason "
            "from intermediate.int_reference_problems order by all"
        ).fetchall()
    return [
        f"{table}{'.parquet' if (folder / f'{table}.parquet').exists() else '.csv'}, "
        f"line {line}{f', column {column}' if column else ''}: {_REFERENCE_FAULTS[reason]}."
        for table, line, column, reason in rows
    ]


def _table(database: Path, query: str) -> str:
    with duckdb.connect(str(database), read_only=True) as connection:
        frame = connection.execute(query).df()
    if frame.empty:
        return ""
    return str(frame.astype(object).where(pandas.notna(frame), "-").to_string(index=False))
