"""A cohort written twice: as the five files, and as an OMOP CDM that says the same.

A CDM cannot say all that the five files can, and says some things that they cannot. So a cohort
of tests/oracle/strategies.py is first brought to what both can say:

- patients: ids are numbers of equal length (order of text = order of numbers); sex is F, M or U
  (the shipped genders are two); the diagnosis is the one that a protocol asks for, or none.
- steroid refractoriness: in a CDM a fact about each failed era. A refractory patient is given a
  corticosteroid in the days before the first day of every era of a failed drug, any other one
  none (or one that just misses those days). It is true only of patients with a failed era in
  every protocol that asks for it; not known (null) of those with no failed era at all. The
  corticosteroid's exposures, and so its eras, are in the files too.
- drug exposures: no route, no dose, one ingredient each; an exposure that goes on ends with the
  patient's observation. The CDM leaves some ends out, where they follow from days_supply, from
  quantity and drug_strength, or from the kind of record.
- stop reasons: some cohorts map none; then no exposure of the files has any, and no protocol of
  the files asks for failure (the CDM's still does, and must not be heard).
- disease assessments: no score; from `measurement` by thresholds, or from `observation` by value.
- procedures: those that have a name in `procedure_names`; a CDM has no others by that name.
- adverse events: new after the clean window, with a date, serious by death or by an inpatient
  visit, fatal by death within the rule's days; no grade and no other flag.
- exact copies of a record stay out, except of patients and procedures, and so do contradictions
  of an exposure's id, which a CDM keeps and the files do not.

Damaged cohorts get faults that both can hold: missing values, orphans, ends before starts, dates
before birth, after death and after the last follow-up.
"""

import random
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from salvage.cdm import cdm_tables
from salvage.project import input_tables
from tests.harness import Cdm
from tests.oracle.oracle import (
    FIRST_DATE,
    START_COLUMN,
    TABLES,
    Record,
    Reference,
    Row,
    compute_marts,
    fold,
    observation_end,
    read_record,
)
from tests.oracle.strategies import Cohort

# Concepts of the invented vocabulary: nobody ships ids from 2 billion on (OMOP keeps them local).
LOCAL = 2_000_000_000
STEROID = "cortexone"
STEROID_CONCEPT = LOCAL + 51
STEROID_PRODUCT = LOCAL + 52
NO_INGREDIENT = LOCAL + 60
PRODUCTS = LOCAL + 1_000
DIAGNOSIS = LOCAL + 2_000
PROCEDURES = LOCAL + 3_000
OTHER_PROCEDURE = LOCAL + 3_900
EVENTS = LOCAL + 4_000
EVERY_EVENT = LOCAL + 4_900
SCORE = LOCAL + 5_000
STATE = LOCAL + 5_001
STATES = {
    "remission": LOCAL + 5_010,
    "response": LOCAL + 5_011,
    "active": LOCAL + 5_012,
}
SCORES = {"remission": [-1.0, 0.0, 1.9], "response": [2.0, 3.5, 5.0], "active": [5.5, 6.0, 11.0]}
MILLIGRAM = 8576
INPATIENT, OUTPATIENT = 9201, 9202
GENDERS = {"M": 8507, "F": 8532, "U": 0}
PRESCRIPTION, ADMINISTRATION, OTHER_TYPE = 32838, 38000180, 99
PRESCRIPTION_DAYS = 30
STOP_REASONS = {
    "failure": "Lack of efficacy",
    "adverse_event": "Side effect",
    "remission": "in remission",
    "completed": "Course completed",
    "other": "Other",
    "unknown": "n/k",
}
NOBODY = 999_999


class Export(NamedTuple):
    """One cohort, said twice.

    cohort: the five files and their rules, to be built with `input: files`.
    cdm: rows of the CDM's tables. rules: the study's own reference tables, to go with it.
    """

    cohort: Cohort
    cdm: Cdm
    rules: Reference


def export_cohort(cohort: Cohort, seed: int, *, damaged: bool = False) -> Export:
    """Say a clean cohort as five files and as a CDM; the seed decides how the CDM says it."""
    return _Exporter(cohort, random.Random(f"export {seed}"), damaged).export()


def write_cdm_folder(cdm: Cdm, folder: Path) -> Path:
    """Write a CDM as a folder of Parquet files; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        for table in _create_cdm(connection, cdm):
            connection.execute(f"copy {table} to '{folder}/{table}.parquet'")
    return folder


def write_cdm_file(cdm: Cdm, file: Path) -> Path:
    """Write a CDM as a DuckDB file; returns its path."""
    with duckdb.connect(str(file)) as connection:
        _create_cdm(connection, cdm)
    return file


def _create_cdm(connection: duckdb.DuckDBPyConnection, cdm: Cdm) -> list[str]:
    for table in cdm_tables().values():
        columns = ", ".join(f"{name} {kind}" for name, kind in table.types.items())
        connection.execute(f"create table {table.name} ({columns})")
        rows = [[row[name] for name in table.types] for row in cdm.get(table.name, [])]
        if rows:
            marks = ", ".join("?" for _ in table.types)
            connection.executemany(f"insert into {table.name} values ({marks})", rows)
    return list(cdm_tables())


def write_rules(rules: Reference, folder: Path) -> Path:
    """Write a study's own reference tables as CSV, for `salvage run --protocol-dir`."""
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        for table in input_tables("own_reference").values():
            if rows := rules.get(table.name):
                columns = ", ".join(f"{name} varchar" for name in table.columns)
                connection.execute(f"create table {table.name} ({columns})")
                connection.executemany(
                    f"insert into {table.name} values ({', '.join('?' for _ in table.columns)})",
                    [[_cell(row.get(name)) or None for name in table.columns] for row in rows],
                )
                connection.execute(f"copy {table.name} to '{folder}/{table.name}.csv' (header)")
    return folder


def _cell(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _days(first: date, last: date) -> int:
    return (last - first).days


class _Exporter:
    def __init__(self, cohort: Cohort, generator: random.Random, damaged: bool) -> None:
        self.random = generator
        self.damaged = damaged
        self.cutoff = cohort.data_cutoff_date
        self.reference = {name: list(rows) for name, rows in cohort.reference.items()}
        self.has_stop_reasons = generator.random() < 0.8
        self.lookback_days = generator.choice([1, 3, 30])
        self.ingredient_concepts = {
            fold(row["ingredient"]): row["omop_concept_id"] for row in self.reference["ingredients"]
        }
        self.ingredient_of_name = {
            fold(row["drug_name"]): fold(row["ingredient"]) for row in self.reference["drug_names"]
        }
        self.terms: list[str] = []
        self.event_rules: dict[str, dict[str, Any]] = {}
        # Typed rows of the five files.
        self.rows = {
            table: [_typed(table, record) for record in cohort.tables[table]] for table in TABLES
        }
        self.cdm: dict[str, list[Row]] = {table: [] for table in cdm_tables()}

    def export(self) -> Export:
        self._number_patients()
        self._bring_to_what_both_can_say()
        if self.damaged:
            self._damage()
        self._decide_refractoriness()
        self._write_vocabulary()
        self._write_persons()
        self._write_exposures()
        self._write_assessments()
        self._write_procedures()
        self._write_events()
        for table in self.cdm.values():
            self.random.shuffle(table)
        return Export(
            Cohort(self._records(), self._files_reference(), self.cutoff), self.cdm, self._rules()
        )

    # ---- What both can say ----------------------------------------------------------------------

    def _number_patients(self) -> None:
        numbers = {
            row["patient_id"]: 100_001 + 7 * number
            for number, row in enumerate(self.rows["patients"])
        }
        for rows in self.rows.values():
            for row in rows:
                row["patient_id"] = numbers[row["patient_id"]]
        for table, first in (("drug_exposures", 5_000_000_000), ("procedures", 600_001)):
            (key, *_) = TABLES[table]
            for number, row in enumerate(self.rows[table]):
                row[key.name] = first + number

    def _bring_to_what_both_can_say(self) -> None:
        asked = {
            fold(protocol["diagnosis"])
            for protocol in self.reference["protocols"]
            if protocol["diagnosis"] is not None
        }
        last_days = {}
        first_days: dict[int, date] = {}
        for row in self.rows["drug_exposures"]:
            first = first_days.get(row["patient_id"], row["start_date"])
            first_days[row["patient_id"]] = min(first, row["start_date"])
        for row in self.rows["patients"]:
            row["sex"] = row["sex"] if row["sex"] in ("F", "M") else "U"
            diagnosis = fold(row["diagnosis"] or "")
            row["diagnosis"] = diagnosis if diagnosis in asked else None
            row["diagnosis_date"] = row["diagnosis_date"] or first_days.get(
                row["patient_id"], row["last_follow_up_date"]
            )
            if row["diagnosis"] is None:
                row["diagnosis_date"] = None
            last_days[row["patient_id"]] = observation_end(row, None)
        for row in self.rows["drug_exposures"]:
            row["drug_name"] = self.ingredient_of_name.get(fold(row["drug_name"]), "unknown drug")
            row |= dict.fromkeys(["route", "dose", "dose_unit"])
            if row["end_date"] is None:
                row["end_date"] = max(row["start_date"], last_days[row["patient_id"]])
            if not self.has_stop_reasons:
                row["stop_reason"] = None
        for row in self.rows["disease_assessments"]:
            row |= {"score_name": None, "score_value": None}
        named = {fold(row["procedure_name"]) for row in self.reference["procedure_names"]}
        for row in self.rows["procedures"]:
            row["procedure_name"] = fold(row["procedure_name"])
        self.rows["procedures"] = [
            row for row in self.rows["procedures"] if row["procedure_name"] in named
        ]
        events = [row for row in self.rows["adverse_events"] if row["onset_date"] is not None]
        self.rows["adverse_events"] = events
        self.terms = sorted({row["event_term"] for row in events})
        self.event_rules = {
            term: {
                "event_term": term,
                "concept_set": f"event set {number}",
                "clean_window_days": self.random.choice([0, 1, 3]),
                "is_serious_if_inpatient": self.random.choice([True, True, False]),
                "fatal_within_days": self.random.choice([0, 2, 30, None]),
            }
            for number, term in enumerate(self.terms)
        }

    # ---- Damage ---------------------------------------------------------------------------------

    def _damage(self) -> None:
        """Faults that the files and a CDM can both hold, about one for every two patients."""
        patients = {row["patient_id"]: row for row in self.rows["patients"]}
        for _ in range(1 + len(patients) // 2):
            table = self.random.choice([name for name in START_COLUMN if self.rows[name]])
            row = self.random.choice(self.rows[table])
            start = START_COLUMN[table]
            patient = patients.get(row["patient_id"])
            fault = self.random.choice(["orphan", "no_start", "no_patient", "date", "end", "key"])
            if fault == "orphan":
                row["patient_id"] = NOBODY
            elif fault == "no_start" and table != "adverse_events":
                row[start] = None
            elif fault == "no_patient":
                row["patient_id"] = None
            elif fault == "key" and table == "procedures":
                copy = dict(row)
                if self.random.random() < 0.5 and copy["procedure_date"]:
                    copy["procedure_date"] = _shifted(copy["procedure_date"], 1)
                self.rows[table].append(copy)
            elif fault == "end" and table == "drug_exposures" and row[start]:
                row["end_date"] = _shifted(row[start], -self.random.choice([0, 1, 40]))
            elif fault == "date" and patient is not None and row[start]:
                days = [patient["birth_date"], patient["death_date"]]
                days.append(patient["last_follow_up_date"])
                day = self.random.choice([day for day in days if day] or [row[start]])
                row[start] = _shifted(day, self.random.choice([-1, 0, 1]))
                if table == "drug_exposures" and row["end_date"] < row[start]:
                    row["end_date"] = row[start]
        for row in self.rows["patients"]:
            if self.random.random() < 0.05:
                row["last_follow_up_date"] = None
            elif self.random.random() < 0.05 and row["death_date"]:
                row["birth_date"] = _shifted(row["death_date"], 1)

    # ---- Steroid refractoriness -----------------------------------------------------------------

    def _decide_refractoriness(self) -> None:
        protocols = {row["protocol_id"]: row for row in self.reference["protocols"]}
        failed_drugs = {
            protocol_id: {
                fold(arm["failed_ingredient"])
                for arm in self.reference["protocol_arms"]
                if arm["protocol_id"] == protocol_id
            }
            for protocol_id in protocols
        }
        asking = [
            name for name, protocol in protocols.items() if protocol["require_steroid_refractory"]
        ]
        marts = compute_marts(self._records(), _with_steroid(self.reference), self.cutoff)
        eras: dict[str, list[tuple[str, date]]] = {}
        for era in marts["fct_drug_eras"]:
            eras.setdefault(era["patient_id"], []).append(
                (era["ingredient"], era["era_start_date"])
            )
        for patient in self.rows["patients"]:
            own = eras.get(str(patient["patient_id"]), [])
            drugs = {ingredient for ingredient, _ in own}
            starts = [
                start
                for ingredient, start in own
                if any(ingredient in failed for failed in failed_drugs.values())
            ]
            earliest = max(day for day in (patient["birth_date"], FIRST_DATE) if day)
            is_refractory = (
                bool(patient["steroid_refractory"])
                and all(drugs & failed_drugs[protocol] for protocol in asking)
                and all(start > earliest for start in starts)
            )
            patient["steroid_refractory"] = is_refractory if starts else None
            if is_refractory:
                for start in starts:
                    self._give_steroid_before(patient["patient_id"], start, earliest)
            elif starts:
                self._give_steroid_that_misses(patient["patient_id"], starts, earliest)

    def _give_steroid_before(self, patient_id: int, era_start: date, earliest: date) -> None:
        """On the day before, on the first day that counts, or from before it to after the start."""
        most = min(self.lookback_days, _days(earliest, era_start))
        end = _shifted(era_start, -self.random.choice([1, most, 0, -4]))
        start = min(end, _shifted(era_start, -self.random.choice([1, most])))
        start = max(earliest, _shifted(start, -self.random.choice([0, 0, 4])))
        self._give_steroid(patient_id, start, end)

    def _give_steroid_that_misses(
        self, patient_id: int, era_starts: Sequence[date], earliest: date
    ) -> None:
        """On the era's first day, or a day too early; nothing where another era would be hit."""
        era_start = self.random.choice(era_starts)
        too_early = _shifted(era_start, -self.lookback_days - 1)
        first = self.random.choice([era_start, too_early])
        counts = any(
            first < start and _days(first, start) <= self.lookback_days for start in era_starts
        )
        if first >= earliest and not counts and self.random.random() < 0.7:
            self._give_steroid(patient_id, first, first)

    def _give_steroid(self, patient_id: int, start: date, end: date) -> None:
        self.rows["drug_exposures"].append(
            {
                "exposure_id": 5_000_000_000 + len(self.rows["drug_exposures"]),
                "patient_id": patient_id,
                "drug_name": STEROID,
                "route": None,
                "dose": None,
                "dose_unit": None,
                "start_date": start,
                "end_date": end,
                "stop_reason": None,
            }
        )

    # ---- The CDM --------------------------------------------------------------------------------

    def _add(self, table: str, **values: Any) -> None:
        self.cdm[table].append(dict.fromkeys(cdm_tables()[table].types) | values)

    def _write_vocabulary(self) -> None:
        concepts = {**self.ingredient_concepts, STEROID: STEROID_CONCEPT}
        for number, (ingredient, concept_id) in enumerate(concepts.items()):
            self._add_concept(concept_id, f"{ingredient} of the vocabulary", "Ingredient")
            for kind in range(2):
                product = PRODUCTS + 10 * number + kind
                self._add_concept(product, f"{ingredient} product {kind}", "Clinical Drug")
                self._add_ancestor(concept_id, product)
                self._add(
                    "drug_strength",
                    drug_concept_id=product,
                    ingredient_concept_id=concept_id,
                    # The second product's amount is in another unit than the daily dose.
                    amount_value=50.0,
                    amount_unit_concept_id=[MILLIGRAM, 9999][kind],
                )
        self._add_concept(NO_INGREDIENT, "a bandage", "Device")
        for number in range(len(self.reference["procedure_names"])):
            self._add_ancestor(PROCEDURES + 10 * number, PROCEDURES + 10 * number + 1)

    def _add_concept(self, concept_id: int, name: str, concept_class: str) -> None:
        self._add(
            "concept",
            concept_id=concept_id,
            concept_name=name,
            vocabulary_id="RxNorm",
            concept_class_id=concept_class,
            standard_concept="S",
        )
        if self.random.random() < 0.5:
            self._add_ancestor(concept_id, concept_id)

    def _add_ancestor(self, above: int, below: int) -> None:
        self._add("concept_ancestor", ancestor_concept_id=above, descendant_concept_id=below)

    def _write_persons(self) -> None:
        for row in self.rows["patients"]:
            birth, patient_id = row["birth_date"], row["patient_id"]
            says_moment = self.random.random() < 0.3
            self._add(
                "person",
                person_id=patient_id,
                gender_concept_id=GENDERS[row["sex"]],
                year_of_birth=birth and birth.year,
                month_of_birth=birth and birth.month,
                day_of_birth=birth and birth.day,
                birth_datetime=f"{birth} 23:59:00" if birth and says_moment else None,
            )
            if last := row["last_follow_up_date"]:
                self._add_period(patient_id, last)
                if self.random.random() < 0.3 and last.year > 1900:
                    self._add_period(patient_id, _shifted(last, -self.random.choice([1, 50])))
            if death := row["death_date"]:
                self._add("death", person_id=patient_id, death_date=death)
            if row["diagnosis"] is not None:
                self._add_condition(patient_id, DIAGNOSIS, row["diagnosis_date"], None)
        self._add_condition(NOBODY, DIAGNOSIS, date(2008, 1, 1), None)

    def _add_period(self, patient_id: int, last: date) -> None:
        self._add(
            "observation_period",
            observation_period_id=len(self.cdm["observation_period"]) + 1,
            person_id=patient_id,
            observation_period_start_date=max(FIRST_DATE, _shifted(last, -200)),
            observation_period_end_date=last,
        )

    def _add_condition(
        self, patient_id: int | None, concept_id: int, start: date | None, end: date | None
    ) -> int:
        number = 700_001 + len(self.cdm["condition_occurrence"])
        self._add(
            "condition_occurrence",
            condition_occurrence_id=number,
            person_id=patient_id,
            condition_concept_id=concept_id,
            condition_start_date=start,
            condition_end_date=end,
        )
        return number

    def _write_exposures(self) -> None:
        numbers = {name: n for n, name in enumerate([*self.ingredient_concepts, STEROID])}
        concepts = {**self.ingredient_concepts, STEROID: STEROID_CONCEPT}
        for row in self.rows["drug_exposures"]:
            start, end, drug = row["start_date"], row["end_date"], row["drug_name"]
            n_days = _days(start, end) + 1 if start and end >= start else 0
            written: Row = {
                "drug_exposure_end_date": end,
                "drug_type_concept_id": self.random.choice(
                    [PRESCRIPTION, ADMINISTRATION, OTHER_TYPE]
                ),
                "quantity": self.random.choice([None, 3.0]),
                "days_supply": self.random.choice([None, 0, 7]),
            }
            concept_id = self.random.choice([0, NO_INGREDIENT])
            if drug in concepts:
                product = PRODUCTS + 10 * numbers[drug]
                concept_id = self.random.choice([product, product + 1, concepts[drug]])
            inferred = ["recorded"]
            if n_days:
                inferred.append("days_supply")
                if drug in concepts:
                    inferred.append("quantity")
                if n_days in (1, PRESCRIPTION_DAYS):
                    inferred.append("drug_type")
            source = self.random.choice(inferred)
            if source != "recorded":
                written["drug_exposure_end_date"] = None
            if source == "days_supply":
                written["days_supply"] = n_days
            elif source == "quantity":
                # 50 mg a unit, 100 mg a day: half a unit too few still fills the last day.
                written["days_supply"] = self.random.choice([None, 0])
                written["quantity"] = float(2 * n_days - self.random.choice([0, 1]))
                concept_id = product
            elif source == "drug_type":
                written["days_supply"] = None
                written["quantity"] = None
                kinds: list[int | None] = [PRESCRIPTION, OTHER_TYPE, None]
                if n_days == 1:
                    kinds = [ADMINISTRATION]
                written["drug_type_concept_id"] = self.random.choice(kinds)
            self._add(
                "drug_exposure",
                drug_exposure_id=row["exposure_id"],
                person_id=row["patient_id"],
                drug_concept_id=concept_id,
                drug_exposure_start_date=start,
                stop_reason=self._written_stop_reason(row["stop_reason"]),
                **written,
            )

    def _written_stop_reason(self, code: str | None) -> str | None:
        if code is None:
            return self.random.choice([None, "see letter"])
        written = STOP_REASONS[code]
        return self.random.choice([written, written.upper(), f" {written.replace(' ', '  ')}"])

    def _write_assessments(self) -> None:
        for number, row in enumerate(self.rows["disease_assessments"]):
            status = row["disease_status"]
            table = self.random.choice(["measurement", "observation"])
            says: Row = {"value_as_concept_id": STATES[status]}
            concept_id = STATE
            if table == "measurement":
                says, concept_id = {"value_as_number": self.random.choice(SCORES[status])}, SCORE
            self._add(
                table,
                **{
                    f"{table}_id": 800_001 + number,
                    f"{table}_concept_id": concept_id,
                    f"{table}_date": row["assessment_date"],
                },
                person_id=row["patient_id"],
                **says,
            )
            row["assessment_id"] = f"{table}-{800_001 + number}"
            if self.random.random() < 0.2:
                # A score without its value says nothing.
                self._add(
                    "measurement",
                    measurement_id=900_001 + number,
                    measurement_concept_id=SCORE,
                    measurement_date=row["assessment_date"],
                    person_id=row["patient_id"],
                )

    def _write_procedures(self) -> None:
        names = [fold(row["procedure_name"]) for row in self.reference["procedure_names"]]
        for row in self.rows["procedures"]:
            concept_id = PROCEDURES + 10 * names.index(row["procedure_name"])
            # Both concepts say the same procedure.
            concept_id += row["procedure_id"] % 2
            self._add_procedure(row["procedure_id"], row, concept_id)
            if self.random.random() < 0.2:
                self._add_procedure(row["procedure_id"] + 50_000, row, OTHER_PROCEDURE)

    def _add_procedure(self, procedure_id: int, row: Row, concept_id: int) -> None:
        self._add(
            "procedure_occurrence",
            procedure_occurrence_id=procedure_id,
            person_id=row["patient_id"],
            procedure_concept_id=concept_id,
            procedure_date=row["procedure_date"],
        )

    def _write_events(self) -> None:
        """Occurrences and visits; then the events that the rules make of them, worked out here."""
        occurrences: list[tuple[int, int | None, str, date, date | None]] = []
        visits: dict[int | None, list[tuple[date, date]]] = {}
        for row in self.rows["adverse_events"]:
            start, end, patient_id = row["onset_date"], row["resolution_date"], row["patient_id"]
            is_every_event = self.random.random() < 0.1
            concept_id = EVENTS + self.terms.index(row["event_term"])
            number = self._add_condition(
                patient_id, EVERY_EVENT if is_every_event else concept_id, start, end
            )
            for term in self.terms if is_every_event else [row["event_term"]]:
                occurrences.append((number, patient_id, term, start, end))
            if row["is_hospitalization"] or row["is_life_threatening"]:
                first = max(FIRST_DATE, _shifted(start, -self.random.choice([0, 1])))
                last = _shifted(start, self.random.choice([0, 2]))
                kind = self.random.choice([INPATIENT, INPATIENT, INPATIENT, OUTPATIENT])
                if kind == INPATIENT:
                    visits.setdefault(patient_id, []).append((first, last))
                self._add(
                    "visit_occurrence",
                    visit_occurrence_id=950_001 + len(self.cdm["visit_occurrence"]),
                    person_id=patient_id,
                    visit_concept_id=kind,
                    visit_start_date=first,
                    visit_end_date=None if first == last else last,
                )
        deaths = {row["patient_id"]: row["death_date"] for row in self.rows["patients"]}
        previous: dict[tuple[int | None, str], date] = {}
        n_events: dict[int, int] = {}
        self.rows["adverse_events"] = []
        # One record can be several events; they are numbered by their terms.
        for number, patient_id, term, start, end in sorted(
            occurrences, key=lambda row: (row[3], row[0], row[2])
        ):
            rule = self.event_rules[term]
            last_start = previous.get((patient_id, term))
            previous[patient_id, term] = start
            if last_start is not None and _days(last_start, start) <= rule["clean_window_days"]:
                continue
            n_events[number] = n_events.get(number, 0) + 1
            death, within = deaths.get(patient_id), rule["fatal_within_days"]
            self.rows["adverse_events"].append(
                dict.fromkeys(column.name for column in TABLES["adverse_events"])
                | {
                    "adverse_event_id": str(number)
                    + (f".{n_events[number]}" if n_events[number] > 1 else ""),
                    "patient_id": patient_id,
                    "event_term": term,
                    "onset_date": start,
                    "resolution_date": end,
                    "is_fatal": death is not None
                    and within is not None
                    and 0 <= _days(start, death) <= within,
                    "is_hospitalization": rule["is_serious_if_inpatient"]
                    and any(first <= start <= last for first, last in visits.get(patient_id, [])),
                }
            )

    # ---- The rules, and the files ---------------------------------------------------------------

    def _rules(self) -> Reference:
        sets = [("systemic corticosteroids", STEROID_CONCEPT)]
        sets += [("activity score", SCORE), ("disease state", STATE)]
        sets += [(f"state {status}", concept_id) for status, concept_id in STATES.items()]
        for number, row in enumerate(self.reference["procedure_names"]):
            sets.append((row["procedure_name"], PROCEDURES + 10 * number))
        for protocol in self.reference["protocols"]:
            if protocol["diagnosis"] is not None:
                sets.append((fold(protocol["diagnosis"]), DIAGNOSIS))
        for number, rule in enumerate(self.event_rules.values()):
            sets += [(rule["concept_set"], EVENTS + number), (rule["concept_set"], EVERY_EVENT)]
        statuses = [("remission", None, 2.0), ("response", 2.0, 5.0), ("active", 5.5, None)]
        rules: dict[str, Sequence[Mapping[str, Any]]] = {
            "concept_sets": [
                {
                    "concept_set": name,
                    "concept_id": concept_id,
                    "include_descendants": True,
                    "is_excluded": False,
                }
                for name, concept_id in sorted(set(sets))
            ],
            "omop_adverse_events": list(self.event_rules.values()),
            "omop_disease_statuses": [
                {
                    "disease_status": status,
                    "concept_set": "activity score",
                    "least_value": least,
                    "greatest_value": greatest,
                }
                for status, least, greatest in statuses
            ]
            + [
                {
                    "disease_status": status,
                    "concept_set": "disease state",
                    "value_concept_set": f"state {status}",
                }
                for status in STATES
            ],
            "omop_steroid_rules": [
                {
                    "protocol_id": protocol["protocol_id"],
                    "concept_set": "systemic corticosteroids",
                    "lookback_days": self.lookback_days,
                }
                for protocol in self.reference["protocols"]
            ],
            "omop_stop_reasons": [
                {"source_stop_reason": written, "stop_reason": code}
                for code, written in STOP_REASONS.items()
                if self.has_stop_reasons
            ],
            "omop_daily_doses": [
                {
                    "ingredient_concept_id": concept_id,
                    "daily_dose": 100.0,
                    "unit_concept_id": MILLIGRAM,
                }
                for concept_id in [*self.ingredient_concepts.values(), STEROID_CONCEPT]
            ],
        }
        return {**_with_steroid(self.reference), **rules}

    def _files_reference(self) -> dict[str, list[Row]]:
        reference = _with_steroid(self.reference)
        if not self.has_stop_reasons:
            reference["protocols"] = [
                {**row, "require_failure": False} for row in reference["protocols"]
            ]
        return reference

    def _records(self) -> dict[str, list[Record]]:
        return {
            table: [
                Record(line, [_cell(row[column.name]) for column in TABLES[table]], False)
                for line, row in enumerate(rows, start=2)
            ]
            for table, rows in self.rows.items()
        }


def _typed(table: str, record: Record) -> Row:
    row = read_record(TABLES[table], record)
    if not isinstance(row, dict):
        raise ValueError(f"{table}, line {record.line_number}: the cohort is not clean")
    return dict(row)


def _shifted(day: date, n_days: int) -> date:
    """The day that many days later; the calendar's last, or the first of SPEC 1, at most."""
    ordinal = min(max(day.toordinal() + n_days, FIRST_DATE.toordinal()), date.max.toordinal())
    return date.fromordinal(ordinal)


def _with_steroid(reference: Mapping[str, list[Row]]) -> dict[str, list[Row]]:
    """The reference with the corticosteroid added, for both inputs."""
    steroid: Row = {
        "ingredient": STEROID,
        "omop_concept_id": STEROID_CONCEPT,
        "rxnorm_code": None,
        "atc_code": None,
        "era_gap_days": 1,
        "is_rescue": False,
    }
    return {
        **reference,
        "ingredients": [*reference["ingredients"], steroid],
        "drug_names": [
            *reference["drug_names"],
            {"drug_name": STEROID, "ingredient": STEROID},
            *({"drug_name": name, "ingredient": name} for name in _ingredients(reference)),
        ],
    }


def _ingredients(reference: Mapping[str, list[Row]]) -> list[str]:
    """Names of ingredients that the reference does not list as drug names already."""
    listed = {fold(row["drug_name"]) for row in reference["drug_names"]}
    names = [fold(row["ingredient"]) for row in reference["ingredients"]]
    return [name for name in names if name not in listed]
