"""Why a patient is in or out, what became of each record, and what the page is made from."""

from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup

from salvage.dashboard.chart import Section, Table
from salvage.dashboard.cohort import EXCLUDED, STEPS
from salvage.dashboard.numbers import count, of, percent
from salvage.dashboard.protocol import Protocol
from salvage.published import Marts, Row

MOST_TRACES = 400
_TRACE = """
    with chosen as (
        select patient_id
        from marts.dim_patients
        order by md5(patient_id), patient_id
        limit $most
    )

    select patient_id, rule_number, rule, outcome, arm_id, explanation
    from marts.fct_decision_trace
    inner join chosen using (patient_id)
    where protocol_id = $protocol
    order by patient_id, rule_number
"""
_INCLUDED = """
    select
        count(*) as n_patients,
        count(*) filter (where is_included) as n_included
    from (
        select patient_id, bool_and(outcome != 'not_met') as is_included
        from marts.fct_decision_trace
        where protocol_id = $protocol
        group by patient_id
    )
"""
_LEDGER = "select * from marts.dq_row_ledger order by table_name, file_name"
_QUARANTINE = """
    select table_name, reason, column_name, count(*) as n_records
    from marts.dq_quarantine
    group by table_name, reason, column_name
    order by n_records desc, table_name, reason, column_name
"""
_UNMAPPED = """
    select table_name, count(*) as n_records
    from marts.dq_unmapped_names
    group by table_name
    order by table_name
"""
_OMOP = "select * from marts.dq_omop_records order by all"


@dataclass(frozen=True)
class Trace:
    """Why one patient is in the analysis set or out of it.

    Attributes:
        patient_id: the patient.
        verdict: how it ends, in words.
        status: `included`, or the rule that was not met.
        rules: each rule asked: its name, its outcome and a sentence.
    """

    patient_id: str
    verdict: str
    status: str
    rules: list[tuple[str, str, str]]


def traces(marts: Marts, protocol: Protocol) -> list[Trace]:
    """Return the decisions on each patient, or on a sample taken by the hash of the ids."""
    rows = marts.rows(_TRACE, protocol=protocol.protocol_id, most=MOST_TRACES)
    return [
        _trace(protocol, patient_id, list(decisions))
        for patient_id, decisions in groupby(rows, key=lambda row: str(row["patient_id"]))
    ]


def _trace(protocol: Protocol, patient_id: str, decisions: list[Row]) -> Trace:
    last = decisions[-1]
    if last["outcome"] == "not_met":
        verdict, status = f"out: {EXCLUDED[last['rule']]}", last["rule"]
    else:
        verdict, status = f"in: {protocol.arm_label(last['arm_id'])}", "included"
    rules = [
        (STEPS[row["rule"]], row["outcome"].replace("_", " "), row["explanation"])
        for row in decisions
    ]
    return Trace(patient_id, verdict, status, rules)


def trace_section(marts: Marts, protocol: Protocol, n_shown: int) -> Section:
    """Lead the reader into the list of decisions."""
    totals = marts.row(_INCLUDED, protocol=protocol.protocol_id)
    n_patients, n_included = totals["n_patients"], totals["n_included"]
    finding = Markup(
        "{} are in the analysis set; each of the other {} fails one rule first."
    ).format(of(n_included, n_patients, "accepted patients"), count(n_patients - n_included))
    notes: list[Markup | str] = []
    if n_shown < n_patients:
        notes.append(
            f"A sample: {n_shown:,} of {n_patients:,} patients, taken by the hash of their ids. "
            "`salvage explain PATIENT` tells it of any patient."
        )
    return Section("trace", "Why a patient is in or out", finding, notes=notes)


def quality_section(marts: Marts, build: Row) -> Section:
    """The ledger, what is kept out and why, and the audit."""
    ledger = marts.rows(_LEDGER)
    totals = {
        column: sum(row[column] for row in ledger)
        for column in ("n_records", "n_accepted", "n_collapsed", "n_quarantined")
    }
    finding = Markup(
        "Of {} records, {} were accepted, {} are copies of accepted ones and {} were kept out; "
        "all {} checks of the audit passed."
    ).format(
        count(totals["n_records"]),
        count(totals["n_accepted"]),
        count(totals["n_collapsed"]),
        count(totals["n_quarantined"]),
        count(build["n_checks"]),
    )
    tables = [
        Table(
            "ledger",
            ("Table", "Records", "Accepted", "Copies", "Kept out", "Kept out, share"),
            [
                (
                    row["table_name"],
                    count(row["n_records"]),
                    count(row["n_accepted"]),
                    count(row["n_collapsed"]),
                    count(row["n_quarantined"]),
                    percent(row["n_quarantined"] / row["n_records"] if row["n_records"] else None),
                )
                for row in ledger
            ],
        )
    ]
    if quarantine := marts.rows(_QUARANTINE):
        tables.append(
            Table(
                "quarantine",
                ("Table", "Reason", "Column", "Records kept out"),
                [
                    (
                        row["table_name"],
                        row["reason"].replace("_", " "),
                        row["column_name"] or "",
                        count(row["n_records"]),
                    )
                    for row in quarantine
                ],
            )
        )
    if unmapped := marts.rows(_UNMAPPED):
        tables.append(
            Table(
                "unmapped",
                ("Table", "Records whose drug or procedure is not known by name"),
                [(row["table_name"], count(row["n_records"])) for row in unmapped],
            )
        )
    if "dq_omop_records" in marts.names:
        records = marts.rows(_OMOP)
        tables.append(
            Table(
                "omop_records",
                ("Table of the CDM", "Finding", "Records"),
                [
                    (row["cdm_table"], row["finding"].replace("_", " "), count(row["n_records"]))
                    for row in records
                ],
            )
        )
    return Section("quality", "Data quality", finding, tables=tables)
