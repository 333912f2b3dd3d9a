"""What the commands print at their end: small tables made from the marts."""

from pathlib import Path

import duckdb
import pandas

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
    coalesce(column_name, '-') as column,
    reason
from marts.dq_quarantine
order by file, line
"""

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
    "protocol_without_arm": "the protocol has no arm in protocol_arms.csv",
    "reserved_word": "the word is reserved",
    "same_drug_twice": "failed and salvage drug are the same",
}


def arms_table(database: Path) -> str:
    """Return remission and serious events by arm, as text."""
    return _table(database, _ARMS.replace("{schema}", "marts"))


def comparison_table(database: Path) -> str:
    """Return the published figures beside this build's, '' where none were published."""
    return _table(database, _COMPARISON)


def ledger_table(database: Path) -> str:
    """Return what became of each input file's records, as text."""
    return _table(database, _LEDGER)


def quarantine_table(database: Path) -> str:
    """Return file, line, column and reason of each quarantined record, '' where none is."""
    return _table(database, _QUARANTINE)


def unmapped_names(database: Path) -> list[str]:
    """Return a sentence for each file with accepted records whose name maps to nothing."""
    with duckdb.connect(str(database), read_only=True) as connection:
        rows = connection.execute(_UNMAPPED).fetchall()
    return [
        f"{file}: {n_records} accepted records have a {column} that is not known and count for "
        f"nothing; add it to {'drug' if column == 'drug_name' else 'procedure'}_names.csv "
        f"(line {', '.join(map(str, lines[:_SHOWN_LINES]))}"
        f"{' ...' if n_records > _SHOWN_LINES else ''})."
        for file, column, n_records, lines in rows
    ]


def n_quarantined(database: Path) -> int:
    """Return how many records are kept out."""
    with duckdb.connect(str(database), read_only=True) as connection:
        row = connection.execute("select count(*) from marts.dq_quarantine").fetchone()
    return int(row[0]) if row else 0


def reference_problems(database: Path) -> list[str]:
    """Return a sentence for each bad row of the study's own reference files."""
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
        f"{table}.csv, line {line}{f', column {column}' if column else ''}: "
        f"{_REFERENCE_FAULTS[reason]}."
        for table, line, column, reason in rows
    ]


def _table(database: Path, query: str) -> str:
    with duckdb.connect(str(database), read_only=True) as connection:
        frame = connection.execute(query).df()
    if frame.empty:
        return ""
    return str(frame.astype(object).where(pandas.notna(frame), "-").to_string(index=False))
