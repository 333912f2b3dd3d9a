"""A study full of canaries: the demo's files, with one in every cell that nobody publishes.

Every accepted record has canaries in its unpublished columns, and to each file come records that
are kept out, at least one for each reason and column, with canaries in all their cells.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from salvage.duckdb_plugin import fold_name
from salvage.project import DEMO_DIR, PROJECT_DIR
from tests.canaries import Canaries
from tests.oracle.folders import REFERENCE_COLUMNS
from tests.oracle.oracle import BAD_VALUE, END_COLUMN, START_COLUMN, TABLES, Column

REFERENCE_DIR = PROJECT_DIR / "seeds" / "reference"

# Where a public mart carries an input column's values, and under what name (docs/marts.md); of the
# dates only those that begin or end something. Any other column is to be found nowhere.
PUBLISHED = {
    ("patients", "patient_id"): ("dim_patients", "patient_id"),
    ("patients", "birth_date"): ("dim_patients", "birth_date"),
    ("patients", "sex"): ("dim_patients", "sex"),
    ("patients", "diagnosis"): ("dim_patients", "diagnosis"),
    ("patients", "steroid_refractory"): ("dim_patients", "steroid_refractory"),
    ("patients", "last_follow_up_date"): ("dim_patients", "observation_end_date"),
    ("patients", "death_date"): ("dim_patients", "death_date"),
    ("drug_exposures", "exposure_id"): ("fct_decision_trace", "source_record_ids"),
    ("drug_exposures", "patient_id"): ("fct_drug_eras", "patient_id"),
    ("drug_exposures", "start_date"): ("fct_drug_eras", "era_start_date"),
    ("drug_exposures", "end_date"): ("fct_drug_eras", "era_end_date"),
    ("disease_assessments", "patient_id"): ("fct_remissions", "patient_id"),
    ("disease_assessments", "assessment_date"): ("fct_remissions", "remission_start_date"),
    ("procedures", "patient_id"): ("fct_remissions", "patient_id"),
    ("procedures", "procedure_date"): ("fct_remissions", "colectomy_date"),
    ("adverse_events", "adverse_event_id"): ("fct_adverse_events", "adverse_event_id"),
    ("adverse_events", "patient_id"): ("fct_adverse_events", "patient_id"),
    ("adverse_events", "event_term"): ("fct_adverse_events", "event_term"),
    ("adverse_events", "onset_date"): ("fct_adverse_events", "onset_date"),
    ("adverse_events", "severity_grade"): ("fct_adverse_events", "severity_grade"),
    ("adverse_events", "is_fatal"): ("fct_adverse_events", "is_fatal"),
    **{
        ("protocols", column): ("dim_protocol_arms", column)
        for column in (
            "protocol_id",
            "diagnosis",
            "require_steroid_refractory",
            "require_failure",
            "window_days",
            "max_overlap_days",
            "remission_within_days",
            "ae_risk_window_days",
            "days_per_month",
        )
    },
    **{
        ("protocol_arms", column): ("dim_protocol_arms", column)
        for column in (
            "protocol_id",
            "arm_id",
            "arm_label",
            "failed_ingredient",
            "salvage_ingredient",
            "window_days",
        )
    },
}
# A cell of these kinds has one of a few values, or a small number: no place for a canary unless
# the record is kept out.
CLOSED_KINDS = {*("sex", "stop_reason", "disease_status", "boolean", "flag", "grade", "days")}
REFERENCE_KINDS = {"era_gap_days": "days", "omop_concept_id": "days", "is_rescue": "flag"}
# Within the life and the observation of the demo's first patient; the fifth one dies.
PATIENT, DEAD_PATIENT, IN_LIFE = "P001", "P005", "2001-03-20"
# No birth day, so that something may happen to this patient in 1861.
ANCIENT_PATIENT = "P900"

Cells = dict[str, str]
KeptOut = tuple[str, str]  # reason and column


@dataclass
class CanaryStudy:
    """The study's folder, its canaries, and what must become of its records.

    Attributes:
        folder: the folder.
        canaries: what was planted.
        columns: the columns that have a canary in an accepted record.
        kept_out: reason and column of each record to be kept out, by file name and line.
    """

    folder: Path
    canaries: Canaries = field(default_factory=Canaries)
    columns: set[tuple[str, str]] = field(default_factory=set)
    kept_out: dict[tuple[str, int], KeptOut] = field(default_factory=dict)


def write_canary_study(folder: Path) -> CanaryStudy:
    """Write the five files and the study's own reference files into a new folder."""
    folder.mkdir()
    study = CanaryStudy(folder)
    rows = {table: _rows(DEMO_DIR / f"{table}.csv") for table in TABLES}
    names = {
        table: {
            fold_name(row[column]): row[meaning] for row in _rows(REFERENCE_DIR / f"{table}.csv")
        }
        for table, column, meaning in (
            ("drug_names", "drug_name", "ingredient"),
            ("procedure_names", "procedure_name", "procedure_group"),
        )
    }
    for table in TABLES:
        _plant_in_unpublished(study, table, rows[table])
    own_names = {
        "drug_names": _rename(rows["drug_exposures"], "drug_name", names["drug_names"]),
        "procedure_names": _rename(rows["procedures"], "procedure_name", names["procedure_names"]),
    }
    for table, more in _ancient_rows(study).items():
        rows[table] += more
    for table, columns in TABLES.items():
        records = [list(row.values()) for row in rows[table]]
        for fault, cells in _kept_out_records(study.canaries, table, columns):
            study.kept_out[f"{table}.csv", len(records) + 2] = fault
            records.append(cells)
        _write(study, table, [column.name for column in columns], records)
    _write_reference(study, own_names)
    return study


def _plant_in_unpublished(study: CanaryStudy, table: str, rows: list[Cells]) -> None:
    """A canary in each column that is not published; an id stays unique, a name stays known."""
    for column in TABLES[table]:
        if (table, column.name) in PUBLISHED or column.kind in CLOSED_KINDS:
            continue
        study.columns.add((table, column.name))
        canary = _canary(study.canaries, column.kind, f"{table}.{column.name}, accepted")
        for number, row in enumerate(rows):
            if column.kind == "id":
                row[column.name] = f"{canary}-{number}"
            elif column.name in ("drug_name", "procedure_name"):
                row[column.name] = f"{canary} {row[column.name]}"
            else:
                row[column.name] = canary


def _canary(canaries: Canaries, kind: str, place: str, reaches_private: bool = True) -> str:
    if kind == "id":
        return canaries.id(place, reaches_private)
    if kind == "date":
        return canaries.day(place, "late", reaches_private)
    if kind in ("number", "dose"):
        return canaries.number(place, reaches_private)
    return canaries.text(place, reaches_private)


def _rename(rows: list[Cells], column: str, meanings: Mapping[str, str]) -> dict[str, str]:
    """What the names stand for that begin with a canary; one that is not known stays so."""
    renamed = {}
    for row in rows:
        for name, meaning in meanings.items():
            if fold_name(row[column]).endswith(f" söhne {name}"):
                renamed[row[column]] = meaning
    return renamed


def _ancient_rows(study: CanaryStudy) -> dict[str, list[Cells]]:
    """Accepted records with dates that begin and end nothing that is published.

    The three exposures are one era; what lies within it is nobody's. The last one runs on after
    the end of observation, which is the day of death and not the last follow-up.
    """

    def day(place: str, when: str) -> str:
        return study.canaries.day(f"{place}, accepted", when)

    def exposure(number: int, drug_name: str, start_date: str, end_date: str) -> Cells:
        return {
            **{column.name: "" for column in TABLES["drug_exposures"]},
            "exposure_id": study.canaries.id("drug_exposures.exposure_id, accepted") + f"-{number}",
            "patient_id": ANCIENT_PATIENT,
            "drug_name": drug_name,
            "start_date": start_date,
            "end_date": end_date,
        }

    unknown = study.canaries.text("drug_exposures.drug_name, accepted and unmapped")
    start, end = (day(f"drug_exposures.{name}", "early") for name in ("start_date", "end_date"))
    assessment = {
        **{column.name: "" for column in TABLES["disease_assessments"]},
        "assessment_id": study.canaries.id("disease_assessments.assessment_id, accepted"),
        "patient_id": ANCIENT_PATIENT,
        "assessment_date": day("disease_assessments.assessment_date", "early"),
        "disease_status": "remission",
    }
    procedure = {
        "procedure_id": study.canaries.id("procedures.procedure_id, accepted"),
        "patient_id": ANCIENT_PATIENT,
        "procedure_name": study.canaries.text("procedures.procedure_name, accepted, unmapped"),
        "procedure_date": day("procedures.procedure_date", "early"),
    }
    return {
        "patients": [
            {
                **{column.name: "" for column in TABLES["patients"]},
                "patient_id": ANCIENT_PATIENT,
                "last_follow_up_date": day("patients.last_follow_up_date", "late"),
                "death_date": "1862-12-31",
            }
        ],
        "drug_exposures": [
            exposure(1, "infliximab", "1860-12-15", "1860-12-31"),
            exposure(2, "infliximab", start, end),
            exposure(3, "infliximab", "1861-01-01", day("drug_exposures.end_date", "late")),
            exposure(4, unknown, start, end),
        ],
        "disease_assessments": [assessment],
        "procedures": [procedure],
    }


def _kept_out_records(
    canaries: Canaries, table: str, columns: list[Column]
) -> list[tuple[KeptOut, list[str]]]:
    """Records for each reason that the table can have, a canary in every cell that can hold it."""
    records: list[tuple[KeptOut, list[str]]] = []

    def row(what: str, cells: Cells, reaches_private: bool = True) -> Cells:
        """A record that would be good, but for the cells given."""
        planted = {}
        for column in columns:
            place = f"{table}.{column.name}, {what}"
            if column.name in cells:
                planted[column.name] = cells[column.name]
            elif column.kind in CLOSED_KINDS:
                good = {"sex": "F", "stop_reason": "failure", "disease_status": "active"}
                planted[column.name] = good.get(column.kind, "1")
            elif column.name in ("birth_date", START_COLUMN.get(table)):
                planted[column.name] = canaries.day(place, "early", reaches_private)
            elif column.name == "patient_id" and table != "patients":
                planted[column.name] = PATIENT
            else:
                planted[column.name] = _canary(canaries, column.kind, place, reaches_private)
        return planted

    def add(reason: str, column: str, cells: Cells) -> None:
        records.append(((reason, column), list(cells.values())))

    def text(what: str, reaches_private: bool = True) -> str:
        return canaries.text(f"{table}, {what}", reaches_private)

    what = "wrong_field_count"
    cells = list(row(what, {}, reaches_private=False).values())
    records.append(((what, ""), [*cells, text("surplus cell", reaches_private=False)]))
    short = row(what, {columns[-1].name: ""}, reaches_private=False)
    records.append(((what, ""), list(short.values())[:-1]))
    for column in columns:
        what = f"field_too_long in {column.name}"
        add("field_too_long", column.name, row(what, {column.name: text(what).ljust(10_001, "x")}))
        if column.required:
            what = f"missing_required in {column.name}"
            add("missing_required", column.name, row(what, {column.name: ""}))
        if column.kind in BAD_VALUE:
            reason = BAD_VALUE[column.kind]
            what = f"{reason} in {column.name}"
            add(reason, column.name, row(what, {column.name: text(what)}))
        if BAD_VALUE.get(column.kind) == "bad_number" and column.kind != "number":
            what = f"number off the scale in {column.name}"
            number = canaries.number(f"{table}, {what}")
            add("bad_number", column.name, row(what, {column.name: f"-{number}"}))
    key = columns[0].name
    contradicted = canaries.id(f"{table}.{key}, duplicate_key")
    for _ in range(2):
        # The demo's patients stay out of it, so that nobody is orphaned.
        add("duplicate_key", key, row("duplicate_key", {key: contradicted}))
    if table == "patients":
        what = "birth_after_death"
        birth, death = canaries.day(what, "late"), canaries.day(what, "early")
        add(what, "birth_date", row(what, {"birth_date": birth, "death_date": death}))
        what = "follow_up_before_birth"
        birth, seen = canaries.day(what, "late"), canaries.day(what, "early")
        cells_of = row(what, {"birth_date": birth, "last_follow_up_date": seen, "death_date": ""})
        add(what, "last_follow_up_date", cells_of)
        return records
    add(
        "orphan_patient", "patient_id", row("orphan_patient", {"patient_id": canaries.id("orphan")})
    )
    start = START_COLUMN[table]
    if table in END_COLUMN:
        what, end = "end_before_start", END_COLUMN[table]
        ended = canaries.day(f"{table}.{end}, {what}", "early")
        add(what, end, row(what, {start: IN_LIFE, end: ended}))
    add("before_birth", start, row("before_birth", {}))
    for what, patient_id in (("after_death", DEAD_PATIENT), ("after_cutoff", PATIENT)):
        late = canaries.day(f"{table}.{start}, {what}", "late")
        open_end = {END_COLUMN[table]: ""} if table in END_COLUMN else {}
        add(what, start, row(what, {"patient_id": patient_id, start: late, **open_end}))
    return records


def _write_reference(study: CanaryStudy, own_names: dict[str, dict[str, str]]) -> None:
    """The shipped protocol, one that nobody meets, and names and ingredients of the study's own."""
    canaries = study.canaries
    rows = {
        table: [
            [row[column] for column in REFERENCE_COLUMNS[table]]
            for row in _rows(REFERENCE_DIR / f"{table}.csv")
        ]
        for table in ("protocols", "protocol_arms")
    }

    def planted(table: str, column: str) -> str:
        study.columns.add((table, column))
        return canaries.text(f"{table}.{column}, accepted")

    # All rules are published; an ingredient only where an arm or an era names it.
    rows["protocols"].append(["of_nobody", "what nobody has", "1", "1", "28", "0", "", "30", "30"])
    rows["protocol_arms"] += [
        ["of_nobody", "one_way", "one way", "tacrolimus", "infliximab", ""],
        ["of_nobody", "the_other", "the other way", "infliximab", "tacrolimus", ""],
    ]
    ingredient = planted("ingredients", "ingredient")
    codes = [planted("ingredients", name) for name in ("rxnorm_code", "atc_code")]
    rows["ingredients"] = [[ingredient, "", *codes, "45", "no"]]
    rows["drug_names"] = [[name, meaning] for name, meaning in own_names["drug_names"].items()]
    rows["drug_names"].append([planted("drug_names", "drug_name"), ingredient])
    study.columns.add(("drug_names", "ingredient"))
    rows["procedure_names"] = [[*names] for names in own_names["procedure_names"].items()]
    rows["procedure_names"].append(
        [
            planted("procedure_names", "procedure_name"),
            planted("procedure_names", "procedure_group"),
        ]
    )
    for table, records in rows.items():
        _write(study, table, REFERENCE_COLUMNS[table], records)


def _write(study: CanaryStudy, table: str, header: list[str], records: list[list[str]]) -> None:
    """Write a file with an unknown column second: its heading and cells are canaries."""
    unknown = f"{table}, unknown column"
    heading = study.canaries.text(f"{unknown}, heading", reaches_private=False)
    with (study.folder / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([header[0], heading, *header[1:]])
        cell = study.canaries.text(unknown, reaches_private=False)
        writer.writerows([record[0], cell, *record[1:]] for record in records)


def _rows(path: Path) -> list[Cells]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
