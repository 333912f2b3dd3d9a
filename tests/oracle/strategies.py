"""Cohorts dense around every boundary of the SPEC: for Hypothesis, and for bulk runs by seed.

One builder makes both. It takes its choices from a `Source`: Hypothesis's (which shrinks; the
first option of a choice is the simplest) or `random.Random`'s. A patient's dates lie on
landmarks (era end + gap, salvage start + window, a loss, the end of the risk window, the
observation end) or a day beside one, so that ties and off-by-one days are common.

`python -m oracle.strategies [N]`, run in `tests/`, prints how often N Hypothesis cohorts of each
kind hold each outcome.
"""

import random
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple, Protocol, TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from .oracle import (
    END_COLUMN,
    FIRST_DATE,
    MAX_CELL_LENGTH,
    SERIOUS_FLAGS,
    START_COLUMN,
    TABLES,
    Record,
    Row,
    compute_marts,
    parse_cell,
    trim,
)

Option = TypeVar("Option")


class Cohort(NamedTuple):
    """The arguments of `compute_marts`."""

    tables: dict[str, list[Record]]
    reference: dict[str, list[Row]]
    data_cutoff_date: date | None


class Source(Protocol):
    """Where choices come from."""

    def pick(self, options: Sequence[Option]) -> Option:
        """One of `options`, the first one being the simplest."""


@dataclass
class Drawn:
    """Choices drawn by Hypothesis."""

    draw: st.DrawFn

    def pick(self, options: Sequence[Option]) -> Option:
        return self.draw(st.sampled_from(options))


@dataclass
class Seeded:
    """Choices of a seeded generator."""

    generator: random.Random

    def pick(self, options: Sequence[Option]) -> Option:
        return self.generator.choice(options)


@st.composite
def cohorts(draw: st.DrawFn, max_patients: int = 6) -> Cohort:
    """Cohorts of 1 to `max_patients` patients whose rows are all accepted."""
    source = Drawn(draw)
    return _cohort(source, source.pick(range(1, max_patients + 1)))


@st.composite
def dirty_cohorts(draw: st.DrawFn, max_patients: int = 6) -> Cohort:
    """Cohorts with damaged, repeated and contradicting records, for every reason of section 1."""
    source = Drawn(draw)
    cohort = _cohort(source, source.pick(range(1, max_patients + 1)))
    return _soil(source, cohort, source.pick(range(1, 9)))


def seeded_cohort(seed: int, n_patients: int, *, dirty: bool = False) -> Cohort:
    """The cohort of a seed; where `dirty`, with about one damage for every two patients."""
    source = Seeded(random.Random(seed))
    cohort = _cohort(source, n_patients)
    return _soil(source, cohort, 1 + n_patients // 2) if dirty else cohort


# ---- Reference data -----------------------------------------------------------------------------

# Ingredients that nobody ships, so that a user's folder means the same with the shipped rows.
# Names are listed as `drug_names` holds them; every cohort's rows are all of these.
DRUG_NAMES = {
    "alphamab": ["alphamab", "Alphacade", "alpha mab 100 mg"],
    "betasporine": ["Betasporine", "Sandbeta", "Weißbeta"],
    "gammalimus": ["gammalimus", "Progamma"],
    "deltatinib": ["deltatinib", "Xel-delta"],
}
UNKNOWN_DRUGS = ["mystery drug", "alphamab-like", "beta sporine", "unmapped"]
PROCEDURE_NAMES = {
    "colectomy": ["Kolektomie total", "Proctocolectomy, open", "sub-total hemi colectomy"],
    "endoscopy": ["Kolonoskop"],
}
UNKNOWN_PROCEDURES = ["mystery procedure", "colectomy?"]
DIAGNOSES = ["colitis gravis", "Morbus Fictus"]


def _reference(source: Source) -> dict[str, list[Row]]:
    ingredients = list(DRUG_NAMES)
    reference: dict[str, list[Row]] = {
        "protocols": [],
        "protocol_arms": [],
        "ingredients": [
            {
                "ingredient": ingredient,
                "omop_concept_id": 2_000_000_001 + number,
                "rxnorm_code": f"X{number}",
                "atc_code": f"L99ZZ{number:02}",
                "era_gap_days": source.pick([2, 0, 1, 3, 5, None]),
                "is_rescue": source.pick([True] * 5 + [False, None]),
            }
            for number, ingredient in enumerate(ingredients)
        ],
        "drug_names": [
            {"drug_name": name, "ingredient": ingredient}
            for ingredient, names in DRUG_NAMES.items()
            for name in names
        ],
        "procedure_names": [
            {"procedure_name": name, "procedure_group": group}
            for group, names in PROCEDURE_NAMES.items()
            for name in names
        ],
    }
    for protocol_number in range(source.pick([1, 1, 2])):
        window_days = source.pick([3, 5, 7, 10, 28])
        protocol_id = ["study", "Study.2"][protocol_number]
        reference["protocols"].append(
            {
                "protocol_id": protocol_id,
                "diagnosis": source.pick([None, DIAGNOSES[0], " Colitis  GRAVIS"]),
                "require_steroid_refractory": source.pick([False, True]),
                "require_failure": source.pick([True, True, False]),
                "window_days": window_days,
                "max_overlap_days": source.pick([0, 0, 1, 3]),
                "remission_within_days": source.pick([7, 3, 10, 0, None]),
                "ae_risk_window_days": source.pick([3, 0, 5, 7]),
                "days_per_month": source.pick([30.416667, 30.0, 28.0]),
            }
        )
        # The same pair of drugs may stand in two arms, which differ by their windows
        for arm_number in range(source.pick([1, 2, 2, 3])):
            failed = source.pick(ingredients[:3])
            others = [name for name in ingredients if name != failed]
            reference["protocol_arms"].append(
                {
                    "protocol_id": protocol_id,
                    "arm_id": ["b_arm", "C_arm", "a_arm"][arm_number],
                    "arm_label": f"arm {arm_number}",
                    "failed_ingredient": source.pick([failed, failed, failed.title()]),
                    "salvage_ingredient": source.pick(others),
                    "window_days": source.pick([None, None, window_days + 2, 1, 0]),
                }
            )
    return reference


# ---- Cells --------------------------------------------------------------------------------------

PADDING = ["", "", "", "", "", "", " ", "\t", "\u3000", "\xa0 ", "\x85", "\u2028", "\n"]


def _padded(source: Source, text: str) -> str:
    """`text`, sometimes with white space around it."""
    return source.pick(PADDING[:7]) + text + source.pick(PADDING)


def _name(source: Source, name: str) -> str:
    """A spelling of a name that is compared as equal to it."""
    spelling = source.pick(["as is", "as is", "upper", "title", "full width", "spaced", "padded"])
    if spelling == "upper":
        return name.upper()  # ß becomes SS
    if spelling == "title":
        return name.title()
    if spelling == "full width":
        return "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in name)
    if spelling == "spaced":
        return name.replace(" ", source.pick(["  ", "\u2003", "\t", "\n"]))
    return _padded(source, name) if spelling == "padded" else name


def _code(source: Source, code: str) -> str:
    return source.pick([code, code, code.upper(), code.title(), f" {code}"])


def _boolean(source: Source, value: bool | None) -> str:
    if value is None:
        return ""
    words = ["true", "1", "YES", "t", " y"] if value else ["false", "0", "No", "F", "n "]
    return source.pick(words)


def _day(ordinal: int | None) -> str:
    """A date cell; a day beyond the calendar's last becomes that."""
    if ordinal is None:
        return ""
    return date.fromordinal(min(ordinal, date.max.toordinal())).isoformat()


def _day_from_1850(ordinal: int) -> str:
    """A date cell; a day before the first that is allowed becomes that."""
    return _day(max(ordinal, FIRST_DATE.toordinal()))


# ---- Patients -----------------------------------------------------------------------------------

# Leap days, a change of year, and both ends of the calendar
BASES = [date(2008, 1, 10)] * 6 + [date(2004, 2, 20), date(2007, 12, 20)] * 2
BASES += [date(9999, 11, 25), date(1850, 1, 1)]
BESIDE = [0, 0, 0, 1, -1]
# What ends a remission; two words: both on one day
LOSSES = ["none", "none", "relapse", "relapse", "rescue", "rescue", "colectomy", "death"]
LOSSES += ["relapse rescue", "rescue colectomy", "relapse colectomy", "relapse rescue"]
LOSSES += ["colectomy death", "rescue death"]


@dataclass
class _Builder:
    """Raw cells of one cohort, table by table."""

    source: Source
    reference: dict[str, list[Row]]
    base: int
    data_cutoff_date: date | None
    cells: dict[str, list[list[str]]]
    # The days on which the patient at hand is observed, as ordinals
    earliest: int = 0
    latest: int = 0

    def add(self, table: str, *cells: str) -> None:
        """A row under a new key. Keys do not sort by number, nor alike in every collation."""
        number = len(self.cells[table])
        key = self.source.pick(["", "e-", "E", "a_", "B."]) + str(number)
        self.cells[table].append([key, *cells])

    def add_patient(self) -> None:
        """One patient: a first drug, a salvage drug, their course, and what else befell."""
        pick = self.source.pick
        patient_id = pick(["p", "P", "A:", "9.", "p_"]) + str(len(self.cells["patients"]))
        arm = pick(self.reference["protocol_arms"])
        protocol = next(
            row for row in self.reference["protocols"] if row["protocol_id"] == arm["protocol_id"]
        )
        failed, salvage = arm["failed_ingredient"].lower(), arm["salvage_ingredient"]
        window = protocol["window_days"] if arm["window_days"] is None else arm["window_days"]
        overlap = protocol["max_overlap_days"]
        within = pick([0, 20]) if (days := protocol["remission_within_days"]) is None else days
        risk_window = protocol["ae_risk_window_days"]

        # The two courses; the second begins around a limit of the salvage window
        start = self.base + pick([0, 1, 2, 3])
        first = self._course(start, failed)
        if pick([0, 0, 0, 1]):
            first.append(first[-1])  # which of the two is the last decides whether it failed
        gaps = [1, 0, window, window, window, window, window - 1, window - 1, 2, -overlap]
        gaps += [window + 1, window + 1, -overlap - 1, -overlap - 1]
        first_end = max(end for _, end in first)
        s = max(first_end + pick(gaps), start + pick([1, 1, 1, 1, 0]))
        second = self._course(s, salvage)
        salvage_end = max(end for _, end in second)
        at_risk_until = salvage_end + risk_window

        # How remission is reached and lost, how long the patient is observed
        remission = s + pick([0, 1, 2, 2, within, within, within, within + 1])
        loss = remission + pick([1, 2, 3, 3, 5, 9, 9, 0])
        losses = pick(LOSSES)
        self._add_patient_row(patient_id, s, loss, at_risk_until, "death" in losses)
        landmarks = [s, remission, loss, s + within, start, salvage_end, self.latest]
        landmarks += [at_risk_until, at_risk_until + 1]

        reasons = ["failure"] * 14 + ["adverse_event", "completed", "other", "", "unknown"]
        for begin, end in first:
            self._expose(patient_id, failed, begin, end, pick(reasons))
        for begin, end in second:
            self._expose(patient_id, salvage, begin, end, pick([*reasons[10:], "remission"]))
        others = [name for name in DRUG_NAMES if name not in (failed, salvage)]
        if "rescue" in losses:
            for begin in pick([[loss], [loss], [loss + 2, loss]]):
                drug = pick([failed, *others])
                self._expose(patient_id, drug, begin, begin + pick([0, 2, 9]), pick(reasons))
        for _ in range(pick([0, 0, 0, 1, 2])):
            begin = self._near(landmarks)
            drug = pick([*others, *DRUG_NAMES, "unknown"])
            self._expose(patient_id, drug, begin, begin + pick([0, 1, 4, 9]), pick(reasons))

        if pick([1, 1, 1, 1, 0]):
            self._assess(patient_id, remission, "remission")
        if "relapse" in losses:
            self._assess(patient_id, loss, "active")
        for _ in range(pick([0, 0, 1, 2])):
            status = pick(["remission", "response", "active"])
            self._assess(patient_id, self._near(landmarks), status)
        if "colectomy" in losses:
            self._operate(patient_id, loss, "colectomy")
        for _ in range(pick([0, 0, 1])):
            group = pick(["endoscopy", "unknown", "colectomy"])
            self._operate(patient_id, self._near(landmarks), group)
        for _ in range(pick([0, 1, 2, 3])):
            landmark = pick([s, s + 1, at_risk_until, at_risk_until + 2, None, *landmarks])
            self._harm(patient_id, None if landmark is None else landmark + pick(BESIDE))

    def _add_patient_row(
        self, patient_id: str, s: int, loss: int, at_risk_until: int, dies_at_loss: bool
    ) -> None:
        """The patient's own row; sets the days between which events can be accepted."""
        pick = self.source.pick
        cutoff = None if self.data_cutoff_date is None else self.data_cutoff_date.toordinal()
        deaths = [None] * 8 + [s, loss + 1, at_risk_until + 4]
        if cutoff is not None:
            deaths += [cutoff, cutoff + 1, cutoff + 1, cutoff + 5]
        death = loss if dies_at_loss else pick(deaths)
        follow_up = pick([loss, loss + 1, at_risk_until, loss + 20, loss + 40, loss + 60])
        follow_up = max(follow_up, s, self.base + 3)
        if death is not None:
            death = max(death, self.base)
            follow_up = max(self.base, pick([max(death, follow_up), death + 5, death - 2, death]))
        last_days = [follow_up, death, cutoff, date.max.toordinal()]
        self.earliest, self.latest = self.base, min(day for day in last_days if day is not None)
        self.cells["patients"].append(
            [
                patient_id,
                pick(["", _day(self.base), _day_from_1850(self.base - 9000)]),
                _code(self.source, pick(["F", "M", "O", "U", ""])),
                pick([_name(self.source, DIAGNOSES[0])] * 14 + ["", DIAGNOSES[1]]),
                pick(["", _day(self.base)]),
                _boolean(self.source, pick([True] * 12 + [False, None])),
                _padded(self.source, _day(follow_up)),
                _day(death),
            ]
        )

    def _course(self, start: int, ingredient: str) -> list[tuple[int, int]]:
        """One to three exposures, the next one around the limit of the era gap."""
        pick = self.source.pick
        gaps = {row["ingredient"]: row["era_gap_days"] for row in self.reference["ingredients"]}
        gap: int = 30 if gaps[ingredient] is None else gaps[ingredient]
        course = [(start, start + pick([2, 0, 1, 4, 7]))]
        for _ in range(pick([0, 0, 1, 1, 2])):
            limit = max(end for _, end in course) + gap
            if gap == 30 and pick([1, 1, 0]):
                limit -= 29
            begin = max(course[-1][0], limit + pick([0, -1, 1, -gap, -gap - 1]))
            course.append((begin, begin + pick([0, 2, 5])))
        return course

    def _near(self, landmarks: list[int]) -> int:
        return self.source.pick(landmarks) + self.source.pick(BESIDE)

    def _observed(self, day: int) -> int:
        """The day, or the nearest one on which this patient is observed."""
        return min(max(day, self.earliest), self.latest)

    def _expose(self, patient_id: str, drug: str, start: int, end: int, reason: str) -> None:
        pick = self.source.pick
        start = self._observed(start)
        end = max(start, end)
        names = UNKNOWN_DRUGS if drug == "unknown" else DRUG_NAMES[drug]
        self.add(
            "drug_exposures",
            _padded(self.source, patient_id),
            _name(self.source, pick(names)),
            pick(["", "oral", "i.v., slow"]),
            pick(["", "300", "0.5", "+1e2"]),
            pick(["", "mg"]),
            _day(start),
            "" if pick([0] * 9 + [1]) else _day(end),
            _code(self.source, reason),
        )

    def _assess(self, patient_id: str, day: int, status: str) -> None:
        self.add(
            "disease_assessments",
            patient_id,
            _day(self._observed(day)),
            _code(self.source, status),
            *self.source.pick([("", ""), ("Mayo", "2"), ('UC "DAI"', "-0.5")]),
        )

    def _operate(self, patient_id: str, day: int, group: str) -> None:
        names = PROCEDURE_NAMES.get(group, UNKNOWN_PROCEDURES)
        name = _name(self.source, self.source.pick(names))
        self.add("procedures", patient_id, name, _day(self._observed(day)))

    def _harm(self, patient_id: str, onset: int | None) -> None:
        pick = self.source.pick
        onset = None if onset is None else self._observed(onset)
        resolution = None
        if onset is not None and pick([0, 1]):
            resolution = onset + pick([0, 3])
        flagged = pick([(), (0,), (1,), (2,), (3,), (4,), (0, 2), (1, 4)])
        self.add(
            "adverse_events",
            patient_id,
            _padded(self.source, pick(["sepsis", 'fever, "high"', "rash\nand itch"])),
            _day(onset),
            _day(resolution),
            pick(["", "1", "4", "5", "2.0"]),
            *[
                _boolean(self.source, True if n in flagged else pick([None, None, False]))
                for n in range(len(SERIOUS_FLAGS))
            ],
            pick(["", "recovered"]),
        )


# A row of a file before it has its line: cells, or None for a blank line, which is no record.
_Rows = dict[str, list[list[str] | None]]


def _cohort(source: Source, n_patients: int) -> Cohort:
    reference = _reference(source)
    base = source.pick(BASES).toordinal()
    cutoff_date = None
    if source.pick([0, 0, 0, 1]):
        cutoff = min(base + source.pick([45, 30, 20, 12, 60]), date.max.toordinal())
        cutoff_date = date.fromordinal(cutoff)
    builder = _Builder(source, reference, base, cutoff_date, {table: [] for table in TABLES})
    for _ in range(n_patients):
        builder.add_patient()
    rows: _Rows = {table: _dealt(source, cells) for table, cells in builder.cells.items()}
    return Cohort(_records(rows), reference, cutoff_date)


def _dealt(source: Source, rows: list[list[str]]) -> list[list[str] | None]:
    """Rows dealt like cards onto one to three heaps: in neither patients' nor dates' order."""
    n_heaps = source.pick([1, 2, 3])
    return [row for heap in range(n_heaps) for row in rows[heap::n_heaps][::-1]]


def _records(rows: _Rows) -> dict[str, list[Record]]:
    """Rows as records on the physical lines where they will stand, below the header's."""
    tables: dict[str, list[Record]] = {}
    for table, columns in TABLES.items():
        tables[table] = []
        line_number = 2
        for cells in rows[table]:
            if cells is not None:
                is_wrong = len(cells) != len(columns)
                tables[table].append(Record(line_number, cells, is_wrong))
            line_number += 1 + sum(cell.count("\n") for cell in cells or [])
    return tables


# ---- Damage -------------------------------------------------------------------------------------

BAD_VALUES = {
    "id": ["-1", "a b", "a/b", "é1", "x" * 65, "p\u200b1"],
    "date": [
        "03/04/2008",
        "2008-01",
        "20080131",
        "2008-02-30",
        "2008-01-31T00:00:00",
        "infinity",
        "epoch",
        "1849-12-31",
        "NA",
        "2008-1-5",
        "0000-01-01",
        "10000-01-01",
        "2008-W02-4",
        "+2008-01-05",
        "\uff12\uff10\uff10\uff18-01-05",
        "2008-01-05\x1f",
    ],
    "number": ["0,5", "1_000", "1,200", "NaN", "300 mg", "inf", "1e400", "0x1F", "1e", "٣", "NULL"],
    "dose": ["0", "-5", "0", "0,5", "NaN", "300 mg"],
    "grade": ["0", "6", "2.5", "-1", "IV", "NaN"],
    "boolean": ["maybe", "2", "tru", "NA", "-99", "on"],
    "flag": ["maybe", "2", "NULL", "-1", "off"],
    "sex": ["X", "female", "NA"],
    "disease_status": ["inactive", "remissions", "-99"],
    "stop_reason": ["fail", "failure!", "NA"],
}
DAMAGES = ["bad_value", "bad_value", "bad_value", "missing", "field_count", "too_long"]
DAMAGES += ["twin", "twin", "rival", "orphan", "date", "date", "date", "date", "end"]
DAMAGES += ["patient", "patient", "blank_line"]


def _soil(source: Source, cohort: Cohort, n_damages: int) -> Cohort:
    """The cohort with that many damages, some of which may fall upon the same row."""
    rows: _Rows = {
        table: [record.cells for record in records] for table, records in cohort.tables.items()
    }
    for _ in range(n_damages):
        damage = source.pick(DAMAGES)
        # A fault in a patient makes orphans of all that patient's rows: rather elsewhere
        table = source.pick([name for name in [*START_COLUMN, *TABLES] if any(rows[name])])
        if damage == "patient":
            table = "patients"
        elif damage == "end":
            table = source.pick([table for table in END_COLUMN if any(rows[table])] or ["patients"])
        elif damage in ("orphan", "date"):
            table = source.pick([name for name in START_COLUMN if any(rows[name])] or ["patients"])
        place = source.pick([place for place, cells in enumerate(rows[table]) if cells])
        cells = rows[table][place]
        assert cells is not None
        if damage == "blank_line":
            rows[table].insert(place, None)
        elif damage in ("twin", "rival"):
            change = _respelled if damage == "twin" else _contradicted
            at = source.pick([place + 1, place, len(rows[table])])
            rows[table].insert(at, change(source, table, cells))
        else:
            damaged = _damaged(source, damage, table, cells, rows, cohort)
            rows[table][place] = damaged
            if source.pick([0, 0, 1]):
                rows[table].append(_respelled(source, table, damaged))
    return cohort._replace(tables=_records(rows))


def _damaged(
    source: Source, damage: str, table: str, cells: list[str], rows: _Rows, cohort: Cohort
) -> list[str]:
    """A copy of a row with one damage, or a change to a boundary that is still right."""
    columns = TABLES[table]
    if damage == "field_count" or len(cells) != len(columns):
        return source.pick([cells[:-1], [*cells, ""], cells[:2]])
    damaged = dict(zip((column.name for column in columns), cells, strict=True))
    if damage == "bad_value":
        kind = source.pick(sorted({column.kind for column in columns if column.kind in BAD_VALUES}))
        column = source.pick([column for column in columns if column.kind == kind])
        damaged[column.name] = source.pick(BAD_VALUES[column.kind])
    elif damage == "missing":
        column = source.pick([column for column in columns if column.required])
        damaged[column.name] = source.pick(["", " \u3000"])
    elif damage == "too_long":
        name = source.pick(columns).name
        length = source.pick([MAX_CELL_LENGTH + 1, MAX_CELL_LENGTH])
        damaged[name] = damaged[name].ljust(length, source.pick(["x", " "]))
    elif damage == "orphan":
        damaged["patient_id"] = source.pick(["nobody", damaged["patient_id"].swapcase()])
    elif damage == "patient":
        contradicted = source.pick(["last_follow_up_date", "death_date"])
        last = _read(table, cells, "last_follow_up_date")
        if isinstance(last, date):
            damaged["birth_date"] = _day(last.toordinal())
            damaged[contradicted] = _day_from_1850(last.toordinal() - source.pick([1, 1, 0]))
    elif damage == "end" and table in END_COLUMN:
        start = _read(table, cells, START_COLUMN[table])
        if isinstance(start, date):
            damaged[END_COLUMN[table]] = _day_from_1850(start.toordinal() - source.pick([1, 0]))
    elif damage == "date" and table in START_COLUMN:
        limits = [cohort.data_cutoff_date]
        for patient in rows["patients"]:
            if patient and trim(patient[0]) == trim(damaged["patient_id"]):
                for name in ("birth_date", "death_date", "last_follow_up_date"):
                    limits.append(_read("patients", patient, name))
        limit = source.pick([limit for limit in limits if limit] or [cohort.data_cutoff_date])
        if limit is not None:
            day = limit.toordinal() + source.pick([1, -1, 1, -1, 0])
            damaged[START_COLUMN[table]] = _day_from_1850(day)
            if table in END_COLUMN and source.pick([1, 1, 0]):
                damaged[END_COLUMN[table]] = ""
    return list(damaged.values())


def _read(table: str, cells: list[str], column_name: str) -> Any:
    """The typed value of a cell, None where it cannot be read."""
    for column, cell in zip(TABLES[table], cells, strict=False):
        if column.name == column_name:
            try:
                return parse_cell(trim(cell), column.kind)
            except ValueError:
                return None
    return None


def _respelled(source: Source, table: str, cells: list[str]) -> list[str]:
    """A row that is equal once trimmed and parsed."""
    respelled = list(cells)
    for place, column in enumerate(TABLES[table][: len(cells)]):
        value = _read(table, cells, column.name)
        if column.kind in ("boolean", "flag") and isinstance(value, bool):
            alike: list[bool | None] = [value]
            if column.kind == "flag" and not value:
                alike.append(None)
            respelled[place] = _boolean(source, source.pick(alike))
        elif column.kind in ("sex", "disease_status", "stop_reason") and value is not None:
            respelled[place] = _code(source, value)
        elif column.kind in ("number", "dose") and value is not None:
            respelled[place] = source.pick([f"{value}", f"{value:e}", cells[place]])
    place = source.pick(range(len(cells)))
    respelled[place] = _padded(source, respelled[place])
    return respelled


def _contradicted(source: Source, table: str, cells: list[str]) -> list[str]:
    """A row with the same key but another content."""
    others = {
        "patients": ("sex", ["M", "F"]),
        "drug_exposures": ("drug_name", ["alphamab", "ALPHAMAB"]),
        "disease_assessments": ("score_value", ["7", ""]),
        "procedures": ("procedure_name", ["Kolonoskop", "KOLONOSKOP"]),
        "adverse_events": ("severity_grade", ["3", ""]),
    }
    column_name, values = others[table]
    changed = list(cells)
    for place, column in enumerate(TABLES[table][: len(cells)]):
        if column.name == column_name:
            changed[place] = values[0] if trim(cells[place]) != values[0] else values[1]
    return changed


# ---- Density ------------------------------------------------------------------------------------


def outcomes(cohort: Cohort) -> set[str]:
    """What a cohort holds: classes, loss reasons, attributions, row reasons ..."""
    marts = compute_marts(*cohort)
    found = set()
    for episode in marts["fct_salvage_episodes"]:
        found.add(f"class {episode['salvage_class']}")
        if episode["is_in_analysis_set"]:
            found.add("analysis episode")
        elif episode["salvage_class"] == "acute_salvage":
            found.add("acute salvage that is not counted")
    for remission in marts["fct_remissions"]:
        if not remission["is_remission"]:
            found.add("no remission")
            continue
        found |= {"remission", f"loss {remission['loss_reason'] or 'none (censored)'}"}
    for event in marts["fct_adverse_events"]:
        found.add(f"attribution {event['attribution']}")
    for summary in marts["agg_adverse_events_by_arm"]:
        for count in ("n_patients_with_sae", "n_deaths"):
            if summary[count]:
                found.add(f"{count} > 0")
    for step in marts["agg_cohort_attrition"]:
        if step["n_excluded"]:
            found.add(f"excluded at {step['step']}")
    if any(era["n_exposures"] > 1 for era in marts["fct_drug_eras"]):
        found.add("era of several exposures")
    for record in marts["dq_quarantine"]:
        found.add(f"reason {record['reason']}")
    if any(file["n_collapsed"] for file in marts["dq_row_ledger"]):
        found.add("collapsed")
    return found


def densities(strategy: st.SearchStrategy[Cohort], n_examples: int) -> dict[str, float]:
    """Share of a strategy's cohorts that hold each outcome."""
    counts: Counter[str] = Counter()
    n_seen = 0

    @settings(
        max_examples=n_examples,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def look(cohort: Cohort) -> None:
        nonlocal n_seen
        n_seen += 1
        counts.update(outcomes(cohort))

    look()
    return {outcome: count / n_seen for outcome, count in sorted(counts.items())}


if __name__ == "__main__":
    N_EXAMPLES = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    for title, strategy in (("cohorts", cohorts()), ("dirty_cohorts", dirty_cohorts())):
        print(f"{title}: share of {N_EXAMPLES} examples with at least one")
        for outcome, share in densities(strategy, N_EXAMPLES).items():
            print(f"  {share:6.1%}  {outcome}")
