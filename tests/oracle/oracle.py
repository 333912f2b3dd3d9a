"""Every mart of SPEC section 9, computed row by row in plain Python.

Written to be read beside the SPEC: section numbers stand in the comments, `Dn` names a decision
in `docs/decisions/`. Speed does not matter here; loops over all rows are fine.

All intervals are closed, all differences are whole days. Days are never added to a `date`
(which ends at 9999-12-31): sums are formed on ordinals.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True)
class Record:
    """One record of an input file as it stands there: raw cells, SPEC column order, unquoted."""

    line_number: int  # 1-based physical line on which the record starts; the header is line 1
    cells: list[str] | None
    has_wrong_field_count: bool = False


Tables = Mapping[str, Sequence[Record]]
Reference = Mapping[str, Sequence[Mapping[str, Any]]]


# ---- Section 1: the five files ------------------------------------------------------------------


@dataclass(frozen=True)
class Column:
    """One column of an input file; `kind` decides how its cells are parsed."""

    name: str
    kind: str
    required: bool = False


def _columns(text: str) -> list[Column]:
    """Columns written as `name:kind`, a `!` behind the required ones."""
    columns = []
    for word in text.split():
        name, kind = word.rstrip("!").split(":")
        columns.append(Column(name, kind, word.endswith("!")))
    return columns


# The first column of every table is its key. A `flag` is a boolean whose null means false.
TABLES: dict[str, list[Column]] = {
    "patients": _columns(
        "patient_id:id! birth_date:date sex:sex diagnosis:text diagnosis_date:date"
        " steroid_refractory:boolean last_follow_up_date:date! death_date:date"
    ),
    "drug_exposures": _columns(
        "exposure_id:id! patient_id:id! drug_name:text! route:text dose:dose dose_unit:text"
        " start_date:date! end_date:date stop_reason:stop_reason"
    ),
    "disease_assessments": _columns(
        "assessment_id:id! patient_id:id! assessment_date:date! disease_status:disease_status!"
        " score_name:text score_value:number"
    ),
    "procedures": _columns(
        "procedure_id:id! patient_id:id! procedure_name:text! procedure_date:date!"
    ),
    "adverse_events": _columns(
        "adverse_event_id:id! patient_id:id! event_term:text! onset_date:date"
        " resolution_date:date severity_grade:grade is_fatal:flag is_life_threatening:flag"
        " is_hospitalization:flag is_disability:flag is_medically_important:flag outcome:text"
    ),
}
START_COLUMN = {
    "drug_exposures": "start_date",
    "disease_assessments": "assessment_date",
    "procedures": "procedure_date",
    "adverse_events": "onset_date",
}
END_COLUMN = {"drug_exposures": "end_date", "adverse_events": "resolution_date"}
CODES = {
    "sex": ["F", "M", "O", "U"],
    "disease_status": ["remission", "response", "active"],
    "stop_reason": ["failure", "adverse_event", "remission", "completed", "other", "unknown"],
}
BAD_VALUE = {
    "id": "bad_id",
    "date": "bad_date",
    "dose": "bad_number",
    "number": "bad_number",
    "grade": "bad_number",
    "boolean": "bad_boolean",
    "flag": "bad_boolean",
    **dict.fromkeys(CODES, "bad_code"),
}
SERIOUS_FLAGS = [
    "is_fatal",
    "is_life_threatening",
    "is_hospitalization",
    "is_disability",
    "is_medically_important",
]
MAX_CELL_LENGTH = 10_000
FIRST_DATE = date(1850, 1, 1)

# Unicode's property White_Space. `str.strip()` alone would also take U+001C to U+001F.
WHITE_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)


def trim(text: str) -> str:
    """`text` without surrounding Unicode white space."""
    return text.strip(WHITE_SPACE)


def parse_cell(cell: str, kind: str) -> Any:
    """The typed value of a trimmed cell; empty is None. ValueError if it is not of its kind."""
    if cell == "":
        return False if kind == "flag" else None
    if kind == "text":
        return cell
    if kind == "id":
        if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}", cell):
            return cell
    elif kind == "date":
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", cell):
            day = date.fromisoformat(cell)  # ValueError unless a day of the calendar
            if day >= FIRST_DATE:
                return day
    elif kind in ("number", "dose", "grade"):
        decimal = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
        if re.fullmatch(decimal, cell) and math.isfinite(number := float(cell)):
            if kind == "number" or (kind == "dose" and number > 0):
                return number
            if kind == "grade" and number in (1, 2, 3, 4, 5):
                return int(number)
    elif kind in ("boolean", "flag"):
        if cell.isascii() and cell.lower() in ("true", "t", "yes", "y", "1"):
            return True
        if cell.isascii() and cell.lower() in ("false", "f", "no", "n", "0"):
            return False
    else:
        for code in CODES[kind]:
            if cell.isascii() and cell.lower() == code.lower():
                return code
    raise ValueError(kind)


Fault = tuple[str, str | None]  # reason, column name


def read_record(columns: list[Column], record: Record) -> Row | Fault:
    """The typed row of a record, or the first of reasons 1 to 4 that applies to it."""
    # Reason 1
    cells = record.cells
    if record.has_wrong_field_count or cells is None or len(cells) != len(columns):
        return "wrong_field_count", None
    # Reason 2, before trimming (D8)
    for column, cell in zip(columns, cells, strict=True):
        if len(cell) > MAX_CELL_LENGTH:
            return "field_too_long", column.name
    # Reason 3; white space only is empty (D9)
    for column, cell in zip(columns, cells, strict=True):
        if column.required and trim(cell) == "":
            return "missing_required", column.name
    # Reason 4
    row: Row = {}
    for column, cell in zip(columns, cells, strict=True):
        try:
            row[column.name] = parse_cell(trim(cell), column.kind)
        except ValueError:
            return BAD_VALUE[column.kind], column.name
    return row


def observation_end(patient: Row, data_cutoff_date: date | None) -> date:
    """The earliest of last follow-up, death and data cut-off, of those that are given."""
    end: date = patient["last_follow_up_date"]
    for other in (patient["death_date"], data_cutoff_date):
        if other is not None:
            end = min(end, other)
    return end


def fault_in_patient(row: Row) -> Fault | None:
    """Reason 6."""
    birth, death = row["birth_date"], row["death_date"]
    if birth is not None and death is not None and birth > death:
        return "birth_after_death", "birth_date"
    if birth is not None and row["last_follow_up_date"] < birth:
        return "follow_up_before_birth", "last_follow_up_date"
    return None


def fault_in_event(
    table: str, row: Row, patients: dict[str, Row], data_cutoff_date: date | None
) -> Fault | None:
    """Reasons 7 to 11 for a row of any table but `patients`."""
    if row["patient_id"] not in patients:
        return "orphan_patient", "patient_id"
    patient = patients[row["patient_id"]]
    start_column = START_COLUMN[table]
    start = row[start_column]
    if start is None:  # an adverse event without an onset date
        return None
    if table in END_COLUMN:
        end = row[END_COLUMN[table]]
        if end is not None and end < start:
            return "end_before_start", END_COLUMN[table]
    if patient["birth_date"] is not None and start < patient["birth_date"]:
        return "before_birth", start_column
    if patient["death_date"] is not None and start > patient["death_date"]:
        return "after_death", start_column
    if start > observation_end(patient, data_cutoff_date):
        return "after_cutoff", start_column
    return None


def account_for_rows(
    tables: Tables, data_cutoff_date: date | None
) -> tuple[dict[str, list[Row]], list[Row], list[Row]]:
    """Accepted typed rows by table, `dq_row_ledger` and `dq_quarantine` (section 1)."""
    accepted: dict[str, list[Row]] = {}
    ledger: list[Row] = []
    quarantine: list[Row] = []
    for table, columns in TABLES.items():  # `patients` comes first
        key = columns[0].name
        faults: dict[int, Fault] = {}
        # Equal rows, by content: the first one is the original, the others are its copies (D1)
        lines_by_content: dict[tuple[Any, ...], list[int]] = {}
        row_by_line: dict[int, Row] = {}
        for record in sorted(tables.get(table, []), key=lambda record: record.line_number):
            result = read_record(columns, record)
            if isinstance(result, tuple):
                faults[record.line_number] = result
            else:
                row_by_line[record.line_number] = result
                lines_by_content.setdefault(tuple(result.values()), []).append(record.line_number)
        originals = [row_by_line[lines[0]] for lines in lines_by_content.values()]
        rows_by_key = Counter(row[key] for row in originals)
        patients = {row["patient_id"]: row for row in accepted.get("patients", [])}
        accepted[table] = []
        n_collapsed = 0
        for row, lines in zip(originals, lines_by_content.values(), strict=True):
            fault: Fault | None
            if rows_by_key[row[key]] > 1:  # reason 5
                fault = "duplicate_key", key
            elif table == "patients":
                fault = fault_in_patient(row)
            else:
                fault = fault_in_event(table, row, patients, data_cutoff_date)
            if fault is None:
                accepted[table].append(row)
                n_collapsed += len(lines) - 1
            else:
                faults.update(dict.fromkeys(lines, fault))
        for line, (reason, column_name) in sorted(faults.items()):
            quarantine.append(
                {
                    "table_name": table,
                    "line_number": line,
                    "reason": reason,
                    "column_name": column_name,
                }
            )
        if table in tables:  # one row per input file: a file that is not there has none
            ledger.append(
                {
                    "table_name": table,
                    "file_name": f"{table}.csv",
                    "n_records": len(tables[table]),
                    "n_accepted": len(accepted[table]),
                    "n_collapsed": n_collapsed,
                    "n_quarantined": len(faults),
                }
            )
    return accepted, ledger, quarantine


# ---- Section 2: from drug names to eras ---------------------------------------------------------


def fold(name: str) -> str:
    """A name as it is compared: NFKC, trimmed, white space folded, case folded."""
    text = trim(unicodedata.normalize("NFKC", name))
    return re.sub(f"[{WHITE_SPACE}]+", " ", text).casefold()


@dataclass(frozen=True)
class Era:
    """A continuous course of one ingredient."""

    patient_id: str
    ingredient: str
    start: date
    end: date
    exposures: list[Row]


def build_eras(exposures: list[Row], era_gap_days: Callable[[str], int]) -> list[Era]:
    """Eras of exposures that carry `ingredient` and `end` (null ends filled, late ones cut)."""
    eras = []
    for patient_id, ingredient in sorted({(e["patient_id"], e["ingredient"]) for e in exposures}):
        course = [
            exposure
            for exposure in exposures
            if exposure["patient_id"] == patient_id and exposure["ingredient"] == ingredient
        ]
        course.sort(key=lambda exposure: exposure["start_date"])
        groups: list[list[Row]] = []
        for exposure in course:
            if groups:
                max_end = max(earlier["end"] for earlier in groups[-1]).toordinal()
                if exposure["start_date"].toordinal() <= max_end + era_gap_days(ingredient):
                    groups[-1].append(exposure)
                    continue
            groups.append([exposure])
        for group in groups:
            start = min(exposure["start_date"] for exposure in group)
            end = max(exposure["end"] for exposure in group)
            eras.append(Era(patient_id, ingredient, start, end, group))
    return eras


# ---- Section 3: salvage -------------------------------------------------------------------------


@dataclass(frozen=True)
class Episode:
    """A failed era F followed by a salvage era S of the same patient and arm."""

    protocol_id: str
    arm_id: str
    patient_id: str
    failed: Era
    salvage: Era
    gap_days: int
    salvage_class: str
    is_first_drug_failed: bool


def salvage_class(gap_days: int, window_days: int, max_overlap_days: int) -> str:
    """`concomitant`, `acute_salvage` or `delayed_switch`; both limits belong to acute salvage."""
    if gap_days < -max_overlap_days:
        return "concomitant"
    if gap_days <= window_days:
        return "acute_salvage"
    return "delayed_switch"


def ended_in_failure(era: Era) -> bool:
    """Whether the era's last exposure (greatest end, then start, then id) stopped for failure."""
    last = max(era.exposures, key=lambda e: (e["end"], e["start_date"], e["exposure_id"]))
    return bool(last["stop_reason"] == "failure")


def find_episodes(
    protocol: Mapping[str, Any], arms: Sequence[Mapping[str, Any]], eras: list[Era]
) -> list[Episode]:
    """All episodes of a protocol, of whatever class and whoever the patient is."""
    episodes = []
    for arm in arms:
        window_days = arm["window_days"]
        if window_days is None:
            window_days = protocol["window_days"]
        for salvage in eras:
            if salvage.ingredient != fold(arm["salvage_ingredient"]):
                continue
            earlier = [
                era
                for era in eras
                if era.patient_id == salvage.patient_id
                and era.ingredient == fold(arm["failed_ingredient"])
                and era.start < salvage.start
            ]
            if not earlier:
                continue
            failed = max(earlier, key=lambda era: era.start)
            gap_days = (salvage.start - failed.end).days
            episodes.append(
                Episode(
                    protocol["protocol_id"],
                    arm["arm_id"],
                    salvage.patient_id,
                    failed,
                    salvage,
                    gap_days,
                    salvage_class(gap_days, window_days, protocol["max_overlap_days"]),
                    ended_in_failure(failed),
                )
            )
    return episodes


def has_diagnosis(protocol: Mapping[str, Any], patient: Row) -> bool:
    """Whether the patient has the protocol's diagnosis, if it names one (D11)."""
    if protocol["diagnosis"] is None:
        return True
    if patient["diagnosis"] is None:
        return False
    return fold(patient["diagnosis"]) == fold(protocol["diagnosis"])


def is_refractory(protocol: Mapping[str, Any], patient: Row) -> bool:
    """Whether the patient is known to be steroid refractory, if the protocol asks (D11)."""
    return not protocol["require_steroid_refractory"] or patient["steroid_refractory"] is True


def counts_as_failed(protocol: Mapping[str, Any], episode: Episode) -> bool:
    """Whether the first drug failed, if the protocol asks (D2)."""
    return not protocol["require_failure"] or episode.is_first_drug_failed


def analysis_episode(
    protocol: Mapping[str, Any], patient: Row, episodes: list[Episode]
) -> Episode | None:
    """The one episode of the patient that the protocol counts, or None."""
    if not has_diagnosis(protocol, patient) or not is_refractory(protocol, patient):
        return None
    candidates = [
        episode
        for episode in episodes
        if episode.patient_id == patient["patient_id"]
        and episode.salvage_class == "acute_salvage"
        and counts_as_failed(protocol, episode)
    ]
    return min(candidates, key=lambda e: (e.salvage.start, e.arm_id), default=None)


def attrition(
    protocol: Mapping[str, Any],
    arms: Sequence[Mapping[str, Any]],
    patients: list[Row],
    eras: list[Era],
    episodes: list[Episode],
) -> list[Row]:
    """Patients remaining and excluded step by step (D7)."""
    failed_ingredients = {fold(arm["failed_ingredient"]) for arm in arms}

    def own(patient: Row) -> list[Episode]:
        return [episode for episode in episodes if episode.patient_id == patient["patient_id"]]

    def exposed(patient: Row) -> bool:
        return any(
            era.patient_id == patient["patient_id"] and era.ingredient in failed_ingredients
            for era in eras
        )

    steps: list[tuple[str, Callable[[Row], bool]]] = [
        ("all_patients", lambda patient: True),
        ("has_diagnosis", lambda patient: has_diagnosis(protocol, patient)),
        ("steroid_refractory", lambda patient: is_refractory(protocol, patient)),
        ("exposed_to_failed_drug", exposed),
        ("received_alternate_drug", lambda patient: own(patient) != []),
        (
            "first_drug_failed",
            lambda patient: any(counts_as_failed(protocol, e) for e in own(patient)),
        ),
        (
            "within_salvage_window",
            lambda patient: any(
                counts_as_failed(protocol, e) and e.salvage_class == "acute_salvage"
                for e in own(patient)
            ),
        ),
    ]
    rows = []
    remaining = patients
    for number, (step, stays) in enumerate(steps, start=1):
        kept = [patient for patient in remaining if stays(patient)]
        rows.append(
            {
                "protocol_id": protocol["protocol_id"],
                "step_number": number,
                "step": step,
                "n_remaining": len(kept),
                "n_excluded": len(remaining) - len(kept),
            }
        )
        remaining = kept
    return rows


# ---- Section 4: remission -----------------------------------------------------------------------

LOSS_REASONS = ["relapse", "new_rescue_therapy", "colectomy", "death"]  # the later name wins a day


def remission_of(
    episode: Episode,
    protocol: Mapping[str, Any],
    patient: Row,
    eras: list[Era],
    rescue_ingredients: set[str],
    accepted: dict[str, list[Row]],
    colectomy_names: set[str],
    data_cutoff_date: date | None,
) -> Row:
    """The row of `fct_remissions` of an analysis episode."""
    s = episode.salvage.start
    statuses: dict[date, set[str]] = {}
    for assessment in accepted["disease_assessments"]:
        if assessment["patient_id"] == episode.patient_id:
            statuses.setdefault(assessment["assessment_date"], set()).add(
                assessment["disease_status"]
            )
    active_days = [day for day in statuses if "active" in statuses[day]]
    remission_days = [day for day in statuses if statuses[day] == {"remission"}]

    new_rescues = [
        era.start
        for era in eras
        if era.patient_id == episode.patient_id
        and era.ingredient in rescue_ingredients
        and era.ingredient != episode.salvage.ingredient
        and era.start > s
    ]
    colectomies = [
        procedure["procedure_date"]
        for procedure in accepted["procedures"]
        if procedure["patient_id"] == episode.patient_id
        and fold(procedure["procedure_name"]) in colectomy_names
        and procedure["procedure_date"] >= s
    ]
    # A death after the data cut-off is not known at the cut-off (D3)
    death = patient["death_date"]
    deaths = [] if death is None else [death]
    if data_cutoff_date is not None:
        deaths = [day for day in deaths if day <= data_cutoff_date]

    failure = min(new_rescues + colectomies + deaths, default=None)
    within_days = protocol["remission_within_days"]
    remission_start = min(
        (
            day
            for day in remission_days
            if day >= s
            and (within_days is None or (day - s).days <= within_days)
            and (failure is None or day < failure)
        ),
        default=None,
    )
    row: Row = {
        "protocol_id": episode.protocol_id,
        "arm_id": episode.arm_id,
        "patient_id": episode.patient_id,
        "salvage_start_date": s,
        "is_remission": remission_start is not None,
        "remission_start_date": remission_start,
        "remission_end_date": None,
        "loss_reason": None,
        "is_censored": None,
        "duration_days": None,
        "duration_months": None,
    }
    if remission_start is None:
        return row
    losses = [
        (day, LOSS_REASONS.index(reason))
        for reason, days in zip(
            LOSS_REASONS, [active_days, new_rescues, colectomies, deaths], strict=True
        )
        for day in days
        if day > remission_start
    ]
    if losses:
        loss_date = min(day for day, _ in losses)
        row["remission_end_date"] = loss_date
        row["loss_reason"] = LOSS_REASONS[max(rank for day, rank in losses if day == loss_date)]
        row["is_censored"] = False
    else:
        row["remission_end_date"] = observation_end(patient, data_cutoff_date)
        row["is_censored"] = True
    row["duration_days"] = (row["remission_end_date"] - remission_start).days
    row["duration_months"] = row["duration_days"] / protocol["days_per_month"]
    return row


# ---- Section 5: adverse events ------------------------------------------------------------------


def is_serious(event: Row) -> bool:
    """ICH E2A: any of the five flags; the CTCAE grade is another thing."""
    return any(event[flag] for flag in SERIOUS_FLAGS)


def risk_end(episode: Episode, protocol: Mapping[str, Any], observed_until: date) -> int:
    """Ordinal of the last day at risk: S.end + window, at most the observation end."""
    last_day = episode.salvage.end.toordinal() + protocol["ae_risk_window_days"]
    return int(min(last_day, observed_until.toordinal()))


def attribution(
    event: Row, episode: Episode | None, protocol: Mapping[str, Any], observed_until: date
) -> str:
    """Where an event stands towards its patient's analysis episode (D13)."""
    onset = event["onset_date"]
    if episode is None:
        return "not_in_cohort"
    if onset is None:
        return "no_onset_date"
    if onset < episode.salvage.start:
        return "before_salvage"
    if onset.toordinal() <= risk_end(episode, protocol, observed_until):
        return "treatment_emergent"
    return "after_risk_window"


# ---- Section 6: statistics ----------------------------------------------------------------------


def wilson(n_events: int, n: int) -> tuple[float, float] | tuple[None, None]:
    """Wilson's 95% interval of a proportion as fractions; nulls where n = 0 (D12)."""
    if n == 0:
        return None, None
    z = 1.959963984540054
    p = n_events / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


# ---- Section 9: the marts -----------------------------------------------------------------------

GRAIN: dict[str, list[str]] = {
    "dim_patients": ["patient_id"],
    "fct_drug_eras": ["patient_id", "ingredient", "era_start_date"],
    "fct_salvage_episodes": ["protocol_id", "arm_id", "patient_id", "salvage_start_date"],
    "fct_remissions": ["protocol_id", "patient_id"],
    "fct_adverse_events": ["protocol_id", "adverse_event_id"],
    "agg_remission_by_arm": ["protocol_id", "arm_id"],
    "agg_adverse_events_by_arm": ["protocol_id", "arm_id"],
    "agg_cohort_attrition": ["protocol_id", "step_number"],
    "dq_row_ledger": ["table_name"],
    "dq_quarantine": ["table_name", "line_number"],
}


def remission_summary(remissions: list[Row], days_per_month: float) -> Row:
    """Counts, rate and months of one row of `agg_remission_by_arm` (D14).

    The mean is taken over whole days: a sum of fractions would depend on the rows' order.
    """
    n = len(remissions)
    days = [row["duration_days"] for row in remissions if row["is_remission"]]
    low, high = wilson(len(days), n)
    return {
        "n_patients": n,
        "n_remissions": len(days),
        "remission_rate": len(days) / n if n else None,
        "wilson_low": low,
        "wilson_high": high,
        "mean_months": sum(days) / len(days) / days_per_month if days else None,
        "min_months": min(days) / days_per_month if days else None,
        "max_months": max(days) / days_per_month if days else None,
    }


def adverse_event_summary(
    members: list[tuple[Episode, date]],
    events: list[Row],
    protocol: Mapping[str, Any],
    days_per_year: float,
) -> Row:
    """Counts and rates of one row of `agg_adverse_events_by_arm` (D5, D6).

    `members`: the analysis episodes with their patients' observation ends; `events`: rows of
    `fct_adverse_events` of these patients in this protocol.
    """
    n = len(members)
    emergent = [event for event in events if event["attribution"] == "treatment_emergent"]
    serious = [event for event in emergent if event["is_serious"]]
    n_with_sae = len({event["patient_id"] for event in serious})
    person_days = 0
    for episode, observed_until in members:
        last_day = risk_end(episode, protocol, observed_until)
        for event in serious:
            if event["patient_id"] == episode.patient_id:
                last_day = min(last_day, event["onset_date"].toordinal())
        person_days += last_day - episode.salvage.start.toordinal() + 1
    low, high = wilson(n_with_sae, n)
    return {
        "n_patients": n,
        "n_patients_with_sae": n_with_sae,
        "sae_rate": n_with_sae / n if n else None,
        "wilson_low": low,
        "wilson_high": high,
        "n_sae_events": len(serious),
        "n_deaths": len({event["patient_id"] for event in emergent if event["is_fatal"]}),
        "person_days": person_days,
        "rate_per_100_person_years": (
            100 * n_with_sae / (person_days / days_per_year) if person_days else None
        ),
    }


def compute_marts(
    tables: Tables,
    reference: Reference,
    data_cutoff_date: date | None = None,
    days_per_year: float = 365.25,
    default_era_gap_days: int = 30,
) -> dict[str, list[Row]]:
    """Every mart of SPEC section 9 as a list of rows, ordered by its `GRAIN`.

    `tables`: records of each input file by table name; a missing name is a file that is not
    there. `reference`: typed rows of `protocols`, `protocol_arms`, `ingredients`, `drug_names`
    and `procedure_names`, shipped and own rows already merged.
    """
    accepted, ledger, quarantine = account_for_rows(tables, data_cutoff_date)
    patients = accepted["patients"]
    observed_until = {
        patient["patient_id"]: observation_end(patient, data_cutoff_date) for patient in patients
    }

    # Section 2
    ingredient_by_name = {
        fold(row["drug_name"]): fold(row["ingredient"]) for row in reference["drug_names"]
    }
    gap_by_ingredient = {
        fold(row["ingredient"]): row["era_gap_days"] for row in reference["ingredients"]
    }
    rescue_ingredients = {
        fold(row["ingredient"]) for row in reference["ingredients"] if row["is_rescue"]
    }
    group_by_procedure = {
        fold(row["procedure_name"]): fold(row["procedure_group"])
        for row in reference["procedure_names"]
    }
    colectomy_names = {name for name, group in group_by_procedure.items() if group == "colectomy"}

    def era_gap_days(ingredient: str) -> int:
        gap: int | None = gap_by_ingredient.get(ingredient)
        return default_era_gap_days if gap is None else gap

    mapped = []
    for exposure in accepted["drug_exposures"]:
        name = fold(exposure["drug_name"])
        if name in ingredient_by_name:  # else `unmapped`: in no era
            last_day = observed_until[exposure["patient_id"]]
            end = last_day if exposure["end_date"] is None else min(exposure["end_date"], last_day)
            mapped.append({**exposure, "ingredient": ingredient_by_name[name], "end": end})
    eras = build_eras(mapped, era_gap_days)

    marts: dict[str, list[Row]] = {mart: [] for mart in GRAIN}
    marts["dq_row_ledger"] = ledger
    marts["dq_quarantine"] = quarantine
    for patient in patients:
        marts["dim_patients"].append(
            {
                "patient_id": patient["patient_id"],
                "sex": patient["sex"],
                "birth_date": patient["birth_date"],
                "diagnosis": patient["diagnosis"],
                "steroid_refractory": patient["steroid_refractory"],
                "observation_end_date": observed_until[patient["patient_id"]],
                "death_date": patient["death_date"],
            }
        )
    for era in eras:
        marts["fct_drug_eras"].append(
            {
                "patient_id": era.patient_id,
                "ingredient": era.ingredient,
                "era_start_date": era.start,
                "era_end_date": era.end,
                "n_exposures": len(era.exposures),
            }
        )

    for protocol in reference["protocols"]:
        protocol_id = protocol["protocol_id"]
        arms = [arm for arm in reference["protocol_arms"] if arm["protocol_id"] == protocol_id]

        # Section 3
        episodes = find_episodes(protocol, arms, eras)
        analysis_set: dict[str, Episode] = {}
        for patient in patients:
            chosen = analysis_episode(protocol, patient, episodes)
            if chosen is not None:
                analysis_set[patient["patient_id"]] = chosen
        for episode in episodes:
            marts["fct_salvage_episodes"].append(
                {
                    "protocol_id": protocol_id,
                    "arm_id": episode.arm_id,
                    "patient_id": episode.patient_id,
                    "failed_era_start_date": episode.failed.start,
                    "failed_era_end_date": episode.failed.end,
                    "salvage_start_date": episode.salvage.start,
                    "salvage_end_date": episode.salvage.end,
                    "gap_days": episode.gap_days,
                    "salvage_class": episode.salvage_class,
                    "is_first_drug_failed": episode.is_first_drug_failed,
                    "is_in_analysis_set": analysis_set.get(episode.patient_id) is episode,
                }
            )
        marts["agg_cohort_attrition"] += attrition(protocol, arms, patients, eras, episodes)

        # Section 4
        remissions = [
            remission_of(
                analysis_set[patient["patient_id"]],
                protocol,
                patient,
                eras,
                rescue_ingredients,
                accepted,
                colectomy_names,
                data_cutoff_date,
            )
            for patient in patients
            if patient["patient_id"] in analysis_set
        ]
        marts["fct_remissions"] += remissions

        # Section 5
        events = []
        for event in accepted["adverse_events"]:
            patient_id = event["patient_id"]
            own_episode = analysis_set.get(patient_id)
            events.append(
                {
                    "protocol_id": protocol_id,
                    "arm_id": None if own_episode is None else own_episode.arm_id,
                    "patient_id": patient_id,
                    "adverse_event_id": event["adverse_event_id"],
                    "event_term": event["event_term"],
                    "onset_date": event["onset_date"],
                    "is_serious": is_serious(event),
                    "is_fatal": event["is_fatal"],
                    "attribution": attribution(
                        event, own_episode, protocol, observed_until[patient_id]
                    ),
                }
            )
        marts["fct_adverse_events"] += events

        # One row for every arm, empty ones too, and one for `all` (D12)
        for arm_id in [arm["arm_id"] for arm in arms] + ["all"]:
            members = [
                (episode, observed_until[patient_id])
                for patient_id, episode in analysis_set.items()
                if arm_id in (episode.arm_id, "all")
            ]
            member_ids = {episode.patient_id for episode, _ in members}
            key = {"protocol_id": protocol_id, "arm_id": arm_id}
            marts["agg_remission_by_arm"].append(
                key
                | remission_summary(
                    [row for row in remissions if row["patient_id"] in member_ids],
                    protocol["days_per_month"],
                )
            )
            marts["agg_adverse_events_by_arm"].append(
                key
                | adverse_event_summary(
                    members,
                    [event for event in events if event["patient_id"] in member_ids],
                    protocol,
                    days_per_year,
                )
            )

    for mart, grain in GRAIN.items():
        marts[mart].sort(key=lambda row: [row[column] for column in grain])
    return marts
