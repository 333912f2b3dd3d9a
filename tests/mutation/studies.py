"""The fixed studies on which a mutant is tried, each with what its tables must hold.

Seeded ones are dense in everything; the hand-made ones hold what chance does not bring.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product
from typing import Any

from salvage.project import DEMO_DIR
from tests.expected_marts import expected_exposures, expected_marts, named_as_published
from tests.harness import Marts
from tests.mutation.refused_references import REFUSED
from tests.oracle.oracle import TABLES, Column, Record, Reference, Row, Tables
from tests.oracle.strategies import seeded_cohort

# seed, patients, dirty: the first ones tell most mutants
LARGE = [(3, 120, True), (12, 120, True), (8, 120, False)]
SMALL: list[tuple[int, int, bool]] = []


@dataclass(frozen=True)
class Study:
    """Input of one build, and the rows of every model that is looked at."""

    name: str
    tables: Tables
    own_reference: Reference | None
    data_cutoff_date: date | None
    expected: Marts


def studies() -> Iterator[Study]:
    """All of them."""
    for seed, n_patients, dirty in LARGE + SMALL:
        yield _seeded(seed, n_patients, dirty=dirty)
    demo = demo_tables()
    yield _study("demo", demo, None)
    yield _study("demo with names of its own", demo, OWN_NAMES)
    yield _study("near the published figures", _near_the_published_figures(), None)
    rivals = _rivals_and_copies()
    yield _study("rivals and copies", rivals, REFERENCE)
    backwards = {table: records[::-1] for table, records in rivals.items()}
    yield _study("rivals and copies, read backwards", backwards, REFERENCE)
    yield _study("every reason", _every_reason(), REFERENCE)
    yield _study("every reason, with a cut-off", _every_reason(), REFERENCE, _date(92))
    yield _study("every way out of the cohort", _every_way_out(), REFERENCE)
    yield _study("in several protocols", _in_several_protocols(), REFERENCE)
    yield _study("death at the cut-off", _death_at_cutoff(), REFERENCE, _date(92))
    for is_serious in ("yes", "no"):
        name = f"one patient for one day, serious event: {is_serious}"
        yield _study(name, _one_patient_for_one_day(is_serious), REFERENCE)
    yield _study("everyone", _everyone(), REFERENCE)
    yield _study("losses of one day", _losses_of_one_day(), REFERENCE)
    yield _study("beside the published studies", _beside_the_published_studies(), PUBLISHED_DRUGS)
    yield _study("every definition", _every_definition(), DEFINITIONS)
    yield _study("lost before salvage", _lost_before_salvage(), REFERENCE)
    yield _study("lost between two arms", _lost_between_two_arms(), TWO_FAILED_DRUGS)
    yield _study("treatment lines", _treatment_lines(), REFERENCE)
    for n_patients, day in product((1, 15), (12, 30)):
        name = f"{n_patients} without salvage, colectomy on day {day}"
        yield _study(name, _colectomy_after_failure(n_patients, day), REFERENCE)
    two_files = {table: demo[table] for table in ("patients", "drug_exposures")}
    yield _study("absent files", two_files, None)
    yield _study("header only", {**demo, "adverse_events": [], "procedures": []}, None)
    for name, own_reference, problems in REFUSED:
        expected = {"int_reference_problems": problems}
        yield Study(f"refused: {name}", {}, own_reference, None, expected)


def _seeded(seed: int, n_patients: int, *, dirty: bool) -> Study:
    cohort = named_as_published(seeded_cohort(seed, n_patients, dirty=dirty))
    return _study(f"seed {seed}, {n_patients} patients", *cohort)


def _study(
    name: str,
    tables: Tables,
    own_reference: Reference | None,
    data_cutoff_date: date | None = None,
) -> Study:
    expected = expected_marts(tables, own_reference, data_cutoff_date)
    expected["int_drug_exposures"] = expected_exposures(tables, own_reference, data_cutoff_date)
    expected["int_reference_problems"] = []
    return Study(name, tables, own_reference, data_cutoff_date, expected)


def demo_tables() -> dict[str, list[Record]]:
    """The demo seeds as an input folder."""
    tables = {}
    for table, columns in TABLES.items():
        with (DEMO_DIR / f"{table}.csv").open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        assert header == [column.name for column in columns]
        tables[table] = [Record(line, cells) for line, cells in enumerate(rows, start=2)]
    return tables


# ---- Hand-made ----------------------------------------------------------------------------------


def _date(n_days: int) -> date:
    return date(2005, 3, 1) + timedelta(days=n_days)


def _day(n_days: int | None) -> str:
    """The cell of a day, counted from 2005-03-01; empty for None."""
    return "" if n_days is None else _date(n_days).isoformat()


ELIGIBLE = {
    "birth_date": "1970-01-01",
    "diagnosis": "colitis gravis",
    "steroid_refractory": "true",
    "last_follow_up_date": _day(2000),
}


class _Rows:
    """The rows of a study, table by table; a key that is not given is made."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, str]]] = {table: [] for table in TABLES}

    def patient(self, patient_id: str, **cells: str) -> None:
        self.rows["patients"].append(ELIGIBLE | {"patient_id": patient_id} | cells)

    def exposure(
        self, patient_id: str, drug_name: str, start: int, end: int | None, reason: str = ""
    ) -> None:
        self.add(
            "drug_exposures",
            patient_id=patient_id,
            drug_name=drug_name,
            start_date=_day(start),
            end_date=_day(end),
            stop_reason=reason,
        )

    def assessment(self, patient_id: str, day: int, status: str, **cells: str) -> None:
        self.add(
            "disease_assessments",
            patient_id=patient_id,
            assessment_date=_day(day),
            disease_status=status,
            **cells,
        )

    def colectomy(self, patient_id: str, day: int, **cells: str) -> None:
        name = {"procedure_name": "Kolektomie"} | cells
        self.add("procedures", patient_id=patient_id, procedure_date=_day(day), **name)

    def event(self, patient_id: str, term: str, onset: int | None, **cells: str) -> None:
        self.add(
            "adverse_events",
            patient_id=patient_id,
            event_term=term,
            onset_date=_day(onset),
            **cells,
        )

    def add(self, table: str, **cells: str) -> None:
        self.rows[table].append(cells)

    def tables(self) -> dict[str, list[Record]]:
        return {
            table: [
                Record(
                    line,
                    [
                        row.get(column.name, "" if place else f"k{line:05}")
                        for place, column in enumerate(columns)
                    ],
                )
                for line, row in enumerate(self.rows[table], start=2)
            ]
            for table, columns in TABLES.items()
        }


def _protocol(protocol_id: str, **values: Any) -> Row:
    return {
        "protocol_id": protocol_id,
        "diagnosis": "colitis gravis",
        "require_steroid_refractory": True,
        "require_failure": True,
        "window_days": 10,
        "max_overlap_days": 0,
        "remission_within_days": 60,
        "ae_risk_window_days": 30,
        "days_per_month": 30.0,
    } | values


def _arm(protocol_id: str, arm_id: str, failed: str, salvage: str) -> Row:
    return {
        "protocol_id": protocol_id,
        "arm_id": arm_id,
        "arm_label": f"{salvage} after {failed}",
        "failed_ingredient": failed,
        "salvage_ingredient": salvage,
        "window_days": None,
    }


def _ingredient(name: str, era_gap_days: int | None, is_rescue: bool | None) -> Row:
    return {"ingredient": name, "era_gap_days": era_gap_days, "is_rescue": is_rescue}


REFERENCE: Reference = {
    "protocols": [
        _protocol("strict"),
        _protocol(
            "lax",
            diagnosis=None,
            require_steroid_refractory=False,
            require_failure=False,
            remission_within_days=None,
        ),
        _protocol("ties"),
    ],
    "protocol_arms": [
        _arm("strict", "b", "alphamab", "betasporine"),
        _arm("lax", "c", "alphamab", "gammalimus"),
        # The least arm id is neither the first nor the last of the file
        *(_arm("ties", arm_id, "alphamab", "betasporine") for arm_id in ("m", "a", "z")),
    ],
    "ingredients": [
        _ingredient("alphamab", 5, True),
        _ingredient("betasporine", 5, True),
        _ingredient("gammalimus", None, True),
        _ingredient("deltatinib", 5, None),
    ],
    "drug_names": [
        {"drug_name": name, "ingredient": name}
        for name in ("alphamab", "betasporine", "gammalimus", "deltatinib")
    ],
    "procedure_names": [{"procedure_name": "kolektomie", "procedure_group": "colectomy"}],
}

# Beside the shipped protocol: names and ingredients that win over shipped ones
OWN_NAMES: Reference = {
    "protocols": [],
    "protocol_arms": [],
    "ingredients": [
        _ingredient("Infliximab", None, None),
        _ingredient("tacrolimus", 0, False),
        _ingredient("azathioprine", 400, True),
        _ingredient("gold", None, True),
    ],
    "drug_names": [
        {"drug_name": "Remicade", "ingredient": "cyclosporine"},
        {"drug_name": " REMICADE ", "ingredient": "Cyclosporine"},
        {"drug_name": "Prednisone", "ingredient": "gold"},
        {"drug_name": "NEORAL", "ingredient": "gold"},
    ],
    "procedure_names": [
        {"procedure_name": "Total abdominal  colectomy with ileostomy", "procedure_group": "other"},
        {"procedure_name": "Colonoscopy", "procedure_group": "Colectomy"},
        {"procedure_name": " COLONOSCOPY", "procedure_group": "colectomy"},
    ],
}


CSA, IFX, TACROLIMUS = "cyclosporine", "infliximab", "tacrolimus"
# Arms of published drugs: both ways (with rival arms, windows on both sides of a published one),
# both and more, one way, and one way twice
PUBLISHED_DRUGS: Reference = {
    "protocols": [
        _protocol("uc_rescue"),
        _protocol("wider", remission_within_days=None),
        _protocol("narrower"),
        _protocol("and_more"),
        _protocol("one_way", window_days=28),
        _protocol("by_others"),
        _protocol("nobody", diagnosis="none has it"),
        _protocol("no_remissions", remission_within_days=0),
        _protocol("everyone", diagnosis="rare"),
        _protocol("one_patient", diagnosis="very rare"),
    ],
    "protocol_arms": [
        _arm("uc_rescue", "b", CSA, IFX) | {"window_days": 5},
        _arm("uc_rescue", "c", CSA.title(), IFX) | {"window_days": 9},
        _arm("uc_rescue", "d", IFX, CSA) | {"window_days": 7},
        _arm("wider", "b", CSA, IFX) | {"window_days": 28},
        _arm("wider", "d", IFX, CSA) | {"window_days": 40},
        _arm("narrower", "b", CSA, IFX) | {"window_days": 20},
        _arm("narrower", "d", IFX, CSA) | {"window_days": 28},
        _arm("and_more", "b", CSA, IFX),
        _arm("and_more", "d", IFX, CSA),
        _arm("and_more", "t", TACROLIMUS, IFX),
        _arm("one_way", "b", CSA, IFX),
        _arm("by_others", "o", CSA, TACROLIMUS),
        *(
            _arm(protocol_id, arm_id, *drugs)
            for protocol_id in ("nobody", "no_remissions", "everyone", "one_patient")
            for arm_id, drugs in (("b", (CSA, IFX)), ("d", (IFX, CSA)))
        ),
    ],
    "ingredients": [],
    "drug_names": [],
    "procedure_names": [{"procedure_name": "kolektomie", "procedure_group": "colectomy"}],
}


def _beside_the_published_studies() -> dict[str, list[Record]]:
    """Patients of each direction with every outcome that a published study counts.

    Gaps and lengths of follow-up differ, so that medians are of odd and even numbers of patients;
    colectomies and deaths lie around the horizons.
    """
    rows = _Rows()
    courses = [(CSA, IFX, 14), (IFX, CSA, 9), (TACROLIMUS, IFX, 5), (CSA, TACROLIMUS, 1)]
    for first, second, n_patients in courses:
        for number in range(n_patients):
            patient_id = f"{first}-{second}-{number}"
            salvage = 4 + number % 6
            death = _day(salvage + 95) if number in (3, 8) else ""
            last_visit = _day(salvage + 60 if death else 300 + 41 * number)
            rows.patient(patient_id, last_follow_up_date=last_visit, death_date=death)
            rows.exposure(patient_id, first, 0, 3, "failure")
            rows.exposure(patient_id, second, salvage, salvage + 30)
            if number % 3 == 0:
                rows.assessment(patient_id, 20, "remission")
            if number % 4 == 1:
                rows.colectomy(patient_id, salvage + 29 * number)
                rows.colectomy(patient_id, salvage + 29 * number + 2)
            if number == 2:
                rows.colectomy(patient_id, salvage - 1)
            if number % 5 == 2:
                rows.event(patient_id, "Sepsis", 12, is_hospitalization="yes")
                rows.event(patient_id, "sepsis", 13, is_hospitalization="yes")
            if number % 5 == 3:
                rows.event(patient_id, "bacteremia", 12)
                rows.event(patient_id, "fever", 1, is_fatal="yes")
            if number == 4:
                rows.event(patient_id, "pancreatitis", 12, is_fatal="yes")
                rows.event(patient_id, "bacteremia", 299, is_fatal="yes")
    for diagnosis, n_patients in (("rare", 15), ("very rare", 1)):
        for number in range(n_patients):
            patient_id = f"{diagnosis}-{number}".replace(" ", "-")
            rows.patient(patient_id, diagnosis=diagnosis, death_date=_day(200))
            rows.exposure(patient_id, CSA, 0, 3, "failure")
            rows.exposure(patient_id, IFX, 8, 20)
            rows.assessment(patient_id, 13, "remission")
            rows.event(patient_id, "sepsis", 13, is_fatal="true")
            rows.colectomy(patient_id, 30)
    rows.patient("nothing-befalls", diagnosis="very rare")
    rows.exposure("nothing-befalls", IFX, 0, 3, "failure")
    rows.exposure("nothing-befalls", CSA, 8, 20)
    return rows.tables()


def _near_the_published_figures() -> dict[str, list[Record]]:
    """A study by the shipped protocol; its figures lie near half a printed unit from others'.

    113/279 remissions are 40.5018% beside a published 40%, 67/200 exactly 33.5% beside 33%;
    the means are 10.448 months beside 10.4 and 28.553 beside 28.5.
    """
    rows = _Rows()
    csa, ifx = "cyclosporine", "infliximab"
    for first, second, n_patients, durations in (
        (csa, ifx, 279, [317] * 22 + [318] * 91),
        (ifx, csa, 200, [868] * 34 + [869] * 33),
    ):
        for number in range(n_patients):
            patient_id = f"{second}-{number}"
            rows.patient(patient_id, diagnosis="Ulcerative Colitis")
            rows.exposure(patient_id, first, 0, 3, "failure")
            rows.exposure(patient_id, second, 5, 8)
            if number < len(durations):
                rows.assessment(patient_id, 20, "remission")
                rows.assessment(patient_id, 20 + durations[number], "active")
    # Two events of one term in one patient: patients are counted
    for term in ("sepsis", "Sepsis", "pneumonia"):
        rows.event(f"{ifx}-1", term, 9, is_fatal="1")
    return rows.tables()


ALTERNATIVES = {
    "id": ["p1", "p2"],
    "text": ["one", "two"],
    "date": [_day(0), _day(1)],
    "number": ["1", "2"],
    "dose": ["1", "2"],
    "grade": ["1", "2"],
    "boolean": ["true", "false"],
    "flag": ["true", "false"],
    "sex": ["F", "M"],
    "disease_status": ["active", "remission"],
    "stop_reason": ["failure", "other"],
}


def _rivals_and_copies() -> dict[str, list[Record]]:
    """For every column: records of one key that differ in it alone, and copies of them."""
    rows = _Rows()
    for patient_id in ("p1", "p2"):
        rows.patient(patient_id)
    for table, (key, *others) in TABLES.items():
        base = {column.name: ALTERNATIVES[column.kind][0] for column in others}
        if table == "patients":
            base["birth_date"] = "1970-01-01"
        for column in others:
            for name, other in _alternatives(column):
                keyed = base | {key.name: f"{column.name}.{name}"}
                for cells in (keyed, keyed | {column.name: other}, keyed):
                    rows.add(table, **cells)
        for number in (1, 2, 3, 1, 2, 1):
            rows.add(table, **base | {key.name: f"same.{number}"})
        # A cell that is not of its kind is as empty as an empty one, but for its reason
        for column in others:
            if not column.required and column.kind != "text":
                keyed = base | {key.name: f"bad.{column.name}"}
                rows.add(table, **keyed | {column.name: "?"})
                rows.add(table, **keyed | {column.name: ""})
    return rows.tables()


def _alternatives(column: Column) -> list[tuple[str, str]]:
    if column.name == "birth_date":
        return [("other", "1970-01-02"), ("null", "")]
    found = [("other", ALTERNATIVES[column.kind][1])]
    return found if column.required else [*found, ("null", "")]


def _every_reason() -> dict[str, list[Record]]:
    """Rows on both sides of each limit of reasons 5 to 11, one and several at a time."""
    rows = _Rows()
    for birth, death, last in ((0, 100, 200), (0, None, 100), (0, 150, 100), (95, None, 200)):
        rows.patient(
            f"p{birth}.{death}.{last}",
            birth_date=_day(birth),
            death_date=_day(death),
            last_follow_up_date=_day(last),
        )
    patient_ids = [row["patient_id"] for row in rows.rows["patients"]]
    for death, last, sexes in product((None, 49, 50, 51), (49, 50, 51), ("F", "FM")):
        for sex in sexes:
            rows.patient(
                f"q{death}.{last}.{sexes}",
                sex=sex,
                birth_date=_day(50),
                death_date=_day(death),
                last_follow_up_date=_day(last),
            )
    days = (-1, 0, 92, 93, 94, 95, 100, 101, 150, 151)
    for patient_id, day, n_rivals in product([*patient_ids, "nobody"], days, (1, 2)):
        key = f"{patient_id}.{day}.{n_rivals}"
        rivals = ["one", "two"][:n_rivals]
        for text in rivals:
            rows.assessment(patient_id, day, "active", assessment_id=key, score_name=text)
            rows.colectomy(patient_id, day, procedure_id=key, procedure_name=text)
        for text, end in product(rivals, (None, day, day - 1)):
            rows.event(
                patient_id,
                text,
                day,
                adverse_event_id=f"{key}.{end}",
                resolution_date=_day(end),
            )
            rows.add(
                "drug_exposures",
                exposure_id=f"{key}.{end}",
                patient_id=patient_id,
                drug_name=text,
                start_date=_day(day),
                end_date=_day(end),
            )
    return rows.tables()


def _every_way_out() -> dict[str, list[Record]]:
    """Patients of every combination of diagnosis, refractoriness and course of drugs."""
    first, second = "alphamab", "betasporine"
    courses: list[list[tuple[str, int, int, str]]] = [
        [],
        [(first, 0, 9, "failure")],
        [(second, 0, 9, "failure")],
        [(second, 0, 3, "failure"), (first, 5, 9, "failure")],
        # An acute salvage of what did not fail, and a failure that was salvaged late
        [
            (first, 0, 9, "other"),
            (second, 12, 13, ""),
            (first, 100, 109, "failure"),
            (second, 140, 150, ""),
        ],
    ]
    courses += [
        [(first, 0, 9, reason), (second, 9 + gap, 30, "")]
        for reason, gap in product(("failure", "other", ""), (-1, 0, 10, 11))
    ]
    rows = _Rows()
    cases = product(("colitis gravis", "Morbus Fictus", ""), ("true", "false", ""), courses)
    for number, (diagnosis, refractory, course) in enumerate(cases):
        patient_id = f"p{number}"
        rows.patient(patient_id, diagnosis=diagnosis, steroid_refractory=refractory)
        for drug, start, end, reason in course:
            rows.exposure(patient_id, drug, start, end, reason)
            if drug == second:
                rows.exposure(patient_id, "gammalimus", start, end, reason)
    return rows.tables()


def _in_several_protocols() -> dict[str, list[Record]]:
    """Patients analysed in several protocols, with different salvage days, drugs and losses.

    alphamab fails on day 9; betasporine (`strict`) and gammalimus (`lax`) follow on days given.
    """
    rows = _Rows()
    cases: list[tuple[int, int, list[tuple[int, str]], list[int]]] = [
        # betasporine, gammalimus, assessments, colectomies
        (10, 14, [(12, "remission"), (16, "remission"), (40, "active")], [60]),
        (10, 14, [(16, "remission")], [13, 90]),
        (14, 10, [(12, "remission"), (16, "remission")], [13, 90]),
        (12, 12, [(12, "remission"), (30, "active")], []),
        (10, 19, [(11, "remission"), (12, "active"), (19, "remission")], [19]),
        (19, 10, [(10, "remission"), (11, "response"), (25, "remission"), (26, "active")], []),
        # Two assessments of one day
        (10, 90, [(12, "remission"), (12, "response"), (14, "remission"), (20, "response")], []),
        (10, 90, [(12, "remission"), (12, "active"), (14, "remission"), (20, "response")], [30]),
    ]
    for number, (beta, gamma, statuses, colectomies) in enumerate(cases):
        patient_id = f"p{number}"
        rows.patient(patient_id)
        rows.exposure(patient_id, "alphamab", 0, 9, "failure")
        rows.exposure(patient_id, "betasporine", beta, beta + 1)
        rows.exposure(patient_id, "gammalimus", gamma, gamma + 1)
        for day, status in statuses:
            rows.assessment(patient_id, day, status)
        for day in colectomies:
            rows.colectomy(patient_id, day)
        # Contradicting records, which count for nothing
        for score in ("1", "2"):
            cells = {"assessment_id": f"rival.{number}", "score_value": score}
            rows.assessment(patient_id, 17, "active", **cells)
        for name in ("kolektomie", "Kolektomie"):
            cells = {"procedure_id": f"rival.{number}", "procedure_name": name}
            rows.colectomy(patient_id, 17, **cells)
        for day in (9, 10, 13, 14, 45, 50):
            rows.event(patient_id, "fever", day, is_hospitalization="yes")
    return rows.tables()


def _death_at_cutoff() -> dict[str, list[Record]]:
    """Deaths the day before, on and after the data cut-off (day 92), of patients in remission."""
    rows = _Rows()
    for death in (91, 92, 93):
        patient_id = f"p{death}"
        rows.patient(patient_id, death_date=_day(death))
        rows.exposure(patient_id, "alphamab", 0, 5, "failure")
        rows.exposure(patient_id, "betasporine", 10, None)
        rows.assessment(patient_id, 20, "remission")
    return rows.tables()


def _one_patient_for_one_day(is_serious: str) -> dict[str, list[Record]]:
    """The salvage drug begins on the last day of observation; other arms are empty."""
    rows = _Rows()
    rows.patient("p1", last_follow_up_date=_day(12))
    rows.exposure("p1", "alphamab", 0, 9, "failure")
    rows.exposure("p1", "betasporine", 12, None)
    rows.event("p1", "sepsis", 12, is_fatal=is_serious)
    if is_serious == "yes":
        rows.assessment("p1", 12, "remission")
    return rows.tables()


def _everyone() -> dict[str, list[Record]]:
    """All patients of an arm have a remission and a serious event.

    From 15 patients on the formula of Wilson's upper bound is a rounding error above 1.
    """
    rows = _Rows()
    for number in range(15):
        patient_id = f"p{number}"
        rows.patient(patient_id)
        rows.exposure(patient_id, "alphamab", 0, 9, "failure")
        rows.exposure(patient_id, "betasporine", 12, 20)
        rows.assessment(patient_id, 13, "remission")
        rows.event(patient_id, "sepsis", 13, is_disability="true")
    return rows.tables()


def _losses_of_one_day() -> dict[str, list[Record]]:
    """So many relapses on the day of a new rescue drug that no order of rows hides a tie."""
    rows = _Rows()
    for number in range(400):
        patient_id = f"p{number}"
        rows.patient(patient_id)
        rows.exposure(patient_id, "alphamab", 0, 9, "failure")
        rows.exposure(patient_id, "betasporine", 12, 20)
        rows.assessment(patient_id, 13, "remission")
        rows.assessment(patient_id, 15 + number, "active")
        rows.exposure(patient_id, "gammalimus", 15 + number, 500)
    return rows.tables()


DEFINITIONS: Reference = {
    **REFERENCE,
    "protocols": [
        # One window; overlap and limit are not among the listed ones
        _protocol("one", window_days=28, max_overlap_days=3, remission_within_days=45),
        # Windows of their own, one of them wider than all listed ones
        _protocol("two", window_days=20, require_failure=False, remission_within_days=None),
    ],
    # x and y are other directions in the other protocol
    "protocol_arms": [
        _arm("one", "x", "alphamab", "betasporine"),
        _arm("one", "y", "deltatinib", "gammalimus"),
        _arm("two", "x", "deltatinib", "gammalimus"),
        _arm("two", "y", "alphamab", "betasporine") | {"window_days": 100},
    ],
}


def _every_definition() -> dict[str, list[Record]]:
    """Gaps, overlaps and remissions on both sides of each choice; several switches a patient."""
    rows = _Rows()
    windows = (7, 14, 20, 21, 28, 35, 42, 56, 60, 90, 100)
    gaps = {-15, -14, -13, -8, -7, -6, -4, -3, -2, -1, 0, 1}
    gaps |= {window + beside for window in windows for beside in (-1, 0, 1)}
    remissions = (None, -1, 0, 29, 30, 31, 44, 45, 46, 59, 60, 61, 89, 90, 91, 400)
    for number, (gap, remission) in enumerate(
        [
            *((gap, remissions[place % 16]) for place, gap in enumerate(sorted(gaps))),
            *((5, remission) for remission in remissions),
        ]
    ):
        for reason in ("failure", "other"):
            patient_id = f"p{number}{reason}"
            rows.patient(patient_id)
            _switch(rows, patient_id, "alphamab", "betasporine", 0, gap, reason)
            if remission is not None:
                rows.assessment(patient_id, 40 + gap + remission, "remission")
            if number % 3 == 0:
                rows.event(patient_id, "sepsis", 40 + gap + number % 40, is_fatal="1")
    # Two and three switches of one patient, in one arm or in both, each with its own outcome
    for number, (first, second, third, reason, drugs) in enumerate(
        product(
            (-7, 5, 28, 60),
            (5, 20, 42),
            (1, 91),
            ("failure", "other"),
            (("alphamab", "betasporine"), ("deltatinib", "gammalimus")),
        )
    ):
        patient_id = f"q{number}"
        rows.patient(patient_id)
        for place, (gap, why, (failed, salvage)) in enumerate(
            [
                (first, reason, ("alphamab", "betasporine")),
                (second, "failure", drugs),
                (third, "failure", ("alphamab", "betasporine")),
            ]
        ):
            day = 300 * place
            _switch(rows, patient_id, failed, salvage, day, gap, why)
            if (number >> place) % 2:
                rows.assessment(patient_id, day + 40 + gap + 3, "remission")
            if (number >> place) % 3 == 0:
                rows.event(patient_id, "fever", day + 40 + gap, is_hospitalization="1")
    # Two drugs begun on one day; then one of them again, which is new rescue after the other
    for number, (gap, again, remission) in enumerate(
        product((5, 25, 45), ("betasporine", "gammalimus", None), (60, 140))
    ):
        patient_id = f"r{number}"
        rows.patient(patient_id)
        rows.exposure(patient_id, "alphamab", 0, 70 - 25, "failure")
        rows.exposure(patient_id, "deltatinib", 0, 70 - gap, "failure")
        for drug in ("betasporine", "gammalimus"):
            rows.exposure(patient_id, drug, 70, 75)
        if again:
            rows.exposure(patient_id, again, 170, 171)
        rows.assessment(patient_id, 70 + remission, "remission")
        # Contradicting records, which count for nothing
        for name in ("kolektomie", "Kolektomie"):
            cells = {"procedure_id": f"rival.{number}", "procedure_name": name}
            rows.colectomy(patient_id, 80, **cells)
    # Two courses of the salvage drug after one failed drug, and a colectomy after each
    for number, days in enumerate(((60, 150), (60,), (150,))):
        patient_id = f"s{number}"
        rows.patient(patient_id)
        rows.exposure(patient_id, "deltatinib", 0, 40, "failure")
        for day in (45, 100):
            rows.exposure(patient_id, "gammalimus", day, day + 5)
        for day in days:
            rows.colectomy(patient_id, day)
        rows.assessment(patient_id, 120, "remission")
    return rows.tables()


def _switch(
    rows: _Rows, patient_id: str, failed: str, salvage: str, day: int, gap: int, reason: str
) -> None:
    """The failed drug from a day on for 40 days, and the other one after a gap, for 5 days."""
    rows.exposure(patient_id, failed, day, day + 40, reason)
    rows.exposure(patient_id, salvage, day + 40 + gap, day + 44 + gap)


def _lost_before_salvage() -> dict[str, list[Record]]:
    """Both sides of each boundary of being lost: alphamab fails on day 9, 10 days follow."""
    rows = _Rows()
    failed = ("alphamab", 0, 9, "failure")
    again = ("alphamab", 100, 109, "failure")
    unfailed = ("alphamab", 16, 17, "other")

    # courses of drugs, colectomies, death
    cases: list[tuple[list[tuple[str, int, int, str]], list[int], int | None]] = [
        *(([failed], [day], None) for day in (8, 9, 10, 19, 20)),
        *(([failed], [], day) for day in (9, 10, 19, 20)),
        ([failed], [11, 12], 12),
        ([failed], [12], 12),
        ([failed, again], [11, 111], 111),
        ([("alphamab", 0, 9, "other")], [12], None),
        ([("alphamab", 0, 0, "failure")], [], None),
    ]
    for start in (0, 1, 5, 9, 11, 12, 13, 19, 20, 25):
        salvage = ("betasporine", start, 40, "")
        for colectomy in (12, 15):
            cases.append(([failed, salvage], [colectomy], None))
        # The alternate drug follows a course that did not fail, within the window of one that did
        cases.append(([failed, unfailed, salvage], [18], None))
        cases.append(([failed, ("betasporine", start, start + 1, ""), again], [112], None))
        cases.append(([failed, again, ("betasporine", 110 + start, 150, "")], [13], None))
    for number, (course, colectomies, death) in enumerate(cases):
        for kind, cells in (
            ("eligible", {}),
            ("other", {"diagnosis": "Morbus Fictus"}),
            ("unknown", {"steroid_refractory": ""}),
        ):
            patient_id = f"{kind}-{number}"
            rows.patient(patient_id, death_date=_day(death), **cells)
            for drug, start, end, reason in course:
                rows.exposure(patient_id, drug, start, end, reason)
            for day in colectomies:
                rows.colectomy(patient_id, day)
    return rows.tables()


TWO_FAILED_DRUGS: Reference = {
    **REFERENCE,
    "protocols": [_protocol("two_ways")],
    "protocol_arms": [
        _arm("two_ways", "a", "alphamab", "betasporine"),
        _arm("two_ways", "b", "gammalimus", "betasporine"),
        _arm("two_ways", "c", "betasporine", "deltatinib"),
    ],
}


def _lost_between_two_arms() -> dict[str, list[Record]]:
    """Patients at risk in several arms of one protocol; they count once in all arms together."""
    rows = _Rows()
    alpha, gamma = ("alphamab", 0, 9, "failure"), ("gammalimus", 60, 69, "failure")
    beta = ("betasporine", 72, 80, "failure")
    cases: list[tuple[list[tuple[str, int, int, str]], list[int], int | None]] = [
        ([alpha, gamma], [11, 70], 70),
        ([alpha, gamma], [70], 70),
        ([alpha, gamma], [11], None),
        ([alpha, gamma], [70], None),
        ([alpha, gamma, beta], [11, 82], None),
        ([alpha, gamma, beta], [82], None),
        ([alpha, beta], [11], None),
        ([alpha, gamma], [], None),
        ([gamma], [], 75),
    ]
    for number, (course, colectomies, death) in enumerate(cases):
        rows.patient(f"p{number}", death_date=_day(death))
        for drug, start, end, reason in course:
            rows.exposure(f"p{number}", drug, start, end, reason)
        for day in colectomies:
            rows.colectomy(f"p{number}", day)
    return rows.tables()


def _treatment_lines() -> dict[str, list[Record]]:
    """Both sides of each boundary of a line: 30 days of overlap, 90 days after a stop."""
    rows = _Rows()
    alpha, beta = "alphamab", "betasporine"
    # Courses of drugs, last visit, death
    cases: list[tuple[list[tuple[str, int, int]], int, int | None]] = [
        # B begins in A, with both sides of the overlap, on A's first and last day, and after it
        *(([(alpha, 0, 60), (beta, day, 400)], 600, None) for day in (0, 1, 31, 32, 60, 61)),
        *(([(alpha, 0, 60), (beta, day, 400)], 600, None) for day in (149, 150, 151)),
        # A again, and A again with B
        *(([(alpha, 0, 60), (alpha, day, 400)], 600, None) for day in (149, 150, 151)),
        *(([(alpha, 0, 60), (alpha, 149, 400), (beta, day, 500)], 600, None) for day in (140, 151)),
        ([(alpha, 0, 60), (alpha, 80, 80), (alpha, 100, 300), (beta, 150, 400)], 600, None),
        # A day beside a year; several drugs of one day; a drug that is dropped and comes back
        ([(alpha, 0, 365), (beta, 100, 100)], 600, None),
        ([(alpha, 0, 365), (beta, 100, 200), ("gammalimus", 100, 150)], 600, None),
        ([(alpha, 0, 365), (beta, 100, 150), (beta, 250, 300)], 600, None),
        ([(alpha, 0, 0), (beta, 0, 0)], 600, None),
        ([(alpha, 0, 50), (beta, 0, 50), (beta, 100, 150)], 600, None),
        ([(alpha, 0, 50), (beta, 0, 50), (beta, 100, 150), ("deltatinib", 100, 120)], 600, None),
        ([(alpha, 0, 600), (beta, 0, 20), (beta, 590, 600)], 600, None),
        # Ends, on both sides of the last day that counts
        *(([(alpha, 0, 60)], last_visit, None) for last_visit in (60, 61, 149, 150, 151)),
        *(([(alpha, 0, 60)], 600, death) for death in (60, 61, 149, 150, 151)),
        *(([(alpha, 0, 60)], 60, death) for death in (61, 150)),
        *(([(alpha, 0, 60), (drug, 100, 110)], 110, None) for drug in (alpha, beta)),
        *(([(alpha, 0, 60), (drug, 100, 110)], 110, 110) for drug in (alpha, beta)),
        ([(alpha, 20 * n, 20 * n + 3) for n in range(12)], 600, None),
    ]
    for number, (course, last_visit, death) in enumerate(cases):
        rows.patient(f"p{number}", last_follow_up_date=_day(last_visit), death_date=_day(death))
        for drug, start, end in course:
            rows.exposure(f"p{number}", drug, start, end)
    return rows.tables()


def _colectomy_after_failure(n_patients: int, day: int) -> dict[str, list[Record]]:
    """All patients of an arm are lost before salvage, or none is."""
    rows = _Rows()
    for number in range(n_patients):
        rows.patient(f"p{number}")
        rows.exposure(f"p{number}", "alphamab", 0, 9, "failure")
        rows.colectomy(f"p{number}", day)
    return rows.tables()
