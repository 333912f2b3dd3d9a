"""Why a patient is in or out: the published decision trace as text (`salvage explain`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path

from salvage.errors import SalvageError
from salvage.published import published_marts

_TRACE = """
select
    protocol_id,
    rule_number,
    rule,
    outcome,
    arm_id,
    failed_era_start_date,
    failed_era_end_date,
    salvage_start_date,
    gap_days,
    source_table,
    source_record_ids,
    explanation
from marts.fct_decision_trace
where patient_id = $patient
order by protocol_id, rule_number
"""


@dataclass(frozen=True)
class Decision:
    """One row of fct_decision_trace, which documents the columns."""

    protocol_id: str
    rule_number: int
    rule: str
    outcome: str
    arm_id: str | None
    failed_era_start_date: date | None
    failed_era_end_date: date | None
    salvage_start_date: date | None
    gap_days: int | None
    source_table: str
    source_record_ids: str
    explanation: str


def explain_patient(output: Path, patient_id: str, protocol_id: str | None = None) -> str:
    """Return the trace of a patient under each protocol, or under one, as text.

    Args:
        output: folder that `salvage run` published into; only read.
        patient_id: the patient.
        protocol_id: the one protocol wanted; None is all of them.

    Raises:
        SalvageError: nothing is published there, or the patient or the protocol is not known.
    """
    decisions = _decisions(output / "published", patient_id)
    if not decisions:
        raise SalvageError(
            "No accepted patient has this id. Ids are compared letter by letter; where the "
            "patient's record is kept out, the mart dq_quarantine lists it."
        )
    # Every accepted patient has a trace under every protocol.
    known = sorted({decision.protocol_id for decision in decisions})
    if protocol_id is not None and protocol_id not in known:
        raise SalvageError(f"No such protocol is published; there is: {', '.join(known)}.")
    traces = [
        _trace_text(name, list(trace))
        for name, trace in groupby(decisions, key=lambda decision: decision.protocol_id)
        if protocol_id in (None, name)
    ]
    return "\n\n".join(traces)


def _decisions(published: Path, patient_id: str) -> list[Decision]:
    with published_marts(published, needed="decision trace") as marts:
        # No id has other letters (SPEC 1), and not all of them could be asked for.
        if not patient_id.isascii():
            return []
        return [Decision(**row) for row in marts.rows(_TRACE, patient=patient_id)]


def _trace_text(protocol_id: str, trace: Sequence[Decision]) -> str:
    """One protocol's rules, numbered, and where they end."""
    lines = [f"Protocol {protocol_id}"]
    for decision in trace:
        outcome = decision.outcome.replace("_", " ")
        lines += [
            f"  {decision.rule_number}. {decision.rule}: {outcome}",
            f"     {decision.explanation}",
            *(f"     {line}" for line in _evidence(decision)),
        ]
    last = trace[-1]
    if last.outcome == "not_met":
        lines.append(f"  => excluded at step {last.rule_number}, {last.rule}")
    else:
        lines.append(f"  => in the analysis set, arm {last.arm_id}")
    return "\n".join(lines)


def _evidence(decision: Decision) -> list[str]:
    """The dates and the records that a decision rests on."""
    lines = []
    if decision.arm_id is not None:
        dates = f"failed drug {decision.failed_era_start_date} to {decision.failed_era_end_date}"
        if decision.salvage_start_date is not None:
            dates += f", alternate drug from {decision.salvage_start_date}"
            dates += f" (gap {decision.gap_days})"
        lines.append(f"arm {decision.arm_id}: {dates}")
    ids = decision.source_record_ids.replace(",", ", ")
    lines.append(f"records in {decision.source_table}: {ids}")
    return lines
