"""A study whose protocols are what may break a page that is made from it.

Names of 200 characters without a place to break, names that are HTML, a script, a template, a
formula or written from right to left, an arm without patients, a single patient, 20 arms, no
remission, no event, no episode at all. Each protocol asks for a diagnosis of its own and so has
patients of its own. All of it is made up.
"""

import csv
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import permutations
from pathlib import Path

# A page that lets any of these through as what it is sets `window.broken` or asks the network.
SCRIPT = "<script>window.broken = 1</script><img src=x onerror='window.broken = 1'>"
AWKWARD_NAMES = (
    "W" * 200,
    SCRIPT + "</script></title></style><b>bold</b><!-- &amp; &lt; <a href='javascript:0'>a</a>",
    "%{x} %{customdata[0]} %{meta[0]:.9%} {{ 7 * 7 }} {% raw %} ${1 + 1} $x^2$ \\(x\\) \\u003c",
    '=HYPERLINK("http://127.0.0.1:9/?leak","click") "double" \'single\' `back` \\ /',
    "سيكلوسبورين بعد إنفليكسيماب (١٢) \u202eabc\u202c シクロスポリン後のインフリキシマブ 😀 Ç̌ß",
)
AWKWARD_DRUGS = ("<b>drug</b>%{y}=1+1", "D" * 64)
DRUGS = ("cyclosporine", "infliximab", "tacrolimus", "adalimumab", "vedolizumab")
TWENTY_ARMS = tuple(permutations(DRUGS, 2))

FIRST_DAY = date(2010, 1, 1)
SALVAGE_DAY = FIRST_DAY + timedelta(days=14)
LAST_DAY = date(2012, 12, 31)

Cell = str | int | date
Rows = dict[str, list[dict[str, Cell]]]


class Study:
    """The records and rules, row by row."""

    def __init__(self) -> None:
        self.rows: Rows = defaultdict(list)

    def protocol(self, protocol_id: str, arms: list[tuple[str, str, str]]) -> None:
        """Add a protocol with the diagnosis of its name; arms: label, failed and salvage drug."""
        self.rows["protocols"].append(
            {
                "protocol_id": protocol_id,
                "diagnosis": f'{protocol_id} <i>"colitis"</i> %{{x}} & Crohn\'s',
                "require_steroid_refractory": "true",
                "require_failure": "true",
                "window_days": 28,
                "max_overlap_days": 0,
                "remission_within_days": 90,
                "ae_risk_window_days": 30,
                "days_per_month": "30.416667",
            }
        )
        for number, (label, failed, salvage) in enumerate(arms, 1):
            self.rows["protocol_arms"].append(
                {
                    "protocol_id": protocol_id,
                    "arm_id": f"arm_{number:02}",
                    "arm_label": label,
                    "failed_ingredient": failed,
                    "salvage_ingredient": salvage,
                    "window_days": "",
                }
            )

    def patient(
        self,
        protocol_id: str,
        drugs: tuple[str, str],
        *,
        failed: bool = True,
        days_in_remission: int | None = None,
        events: tuple[str, ...] = (),
        colectomy_day: int | None = None,
        death_day: int | None = None,
    ) -> None:
        """Add a patient of a protocol, with one episode of these drugs if `failed`.

        days_in_remission: None: no remission; 0: never lost. events: terms of serious emergent
        events. colectomy_day, death_day: days after salvage; death ends observation.
        """
        patient_id = f"{protocol_id}-{len(self.rows['patients']) + 1:03}"
        last_day = LAST_DAY if death_day is None else SALVAGE_DAY + timedelta(days=death_day)
        self.rows["patients"].append(
            {
                "patient_id": patient_id,
                "birth_date": date(1970, 2, 28),
                "sex": "F",
                "diagnosis": self.rows["protocols"][-1]["diagnosis"],
                "diagnosis_date": date(2009, 1, 1),
                "steroid_refractory": "yes",
                "last_follow_up_date": last_day,
                "death_date": "" if death_day is None else last_day,
            }
        )
        courses = [
            (drugs[0], FIRST_DAY, FIRST_DAY + timedelta(days=9), "failure" if failed else "other"),
            (drugs[1], SALVAGE_DAY, SALVAGE_DAY + timedelta(days=60), "completed"),
        ]
        for drug, start, end, stop_reason in courses:
            self.exposure(
                patient_id, drug, start, min(end, last_day), f"{patient_id}-{start}", stop_reason
            )
        if days_in_remission is not None:
            self._assess(patient_id, "remission", SALVAGE_DAY + timedelta(days=20))
        if days_in_remission:
            self._assess(patient_id, "active", SALVAGE_DAY + timedelta(days=20 + days_in_remission))
        if colectomy_day is not None:
            self._add(
                "procedures",
                patient_id,
                procedure_id=f"{patient_id}-colectomy",
                procedure_name="colectomy",
                procedure_date=SALVAGE_DAY + timedelta(days=colectomy_day),
            )
        for number, term in enumerate(events):
            self._add(
                "adverse_events",
                patient_id,
                adverse_event_id=f"{patient_id}-{number}",
                event_term=term,
                onset_date=SALVAGE_DAY + timedelta(days=5 + number),
                severity_grade=4,
                is_hospitalization="true",
            )

    def exposure(
        self,
        patient_id: str,
        drug: str,
        start: date,
        end: date | str,
        exposure_id: str,
        stop_reason: str = "",
    ) -> None:
        """Add an exposure."""
        self._add(
            "drug_exposures",
            patient_id,
            exposure_id=exposure_id,
            drug_name=drug,
            start_date=start,
            end_date=end,
            stop_reason=stop_reason,
        )

    def _assess(self, patient_id: str, status: str, day: date) -> None:
        self._add(
            "disease_assessments",
            patient_id,
            assessment_id=f"{patient_id}-{day}",
            assessment_date=day,
            disease_status=status,
        )

    def _add(self, table: str, patient_id: str, **cells: Cell) -> None:
        self.rows[table].append({"patient_id": patient_id, **cells})

    def write(self, folder: Path) -> None:
        """Write each table as a CSV file."""
        folder.mkdir(parents=True, exist_ok=True)
        for table, rows in self.rows.items():
            columns = list(dict.fromkeys(column for row in rows for column in row))
            with (folder / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, columns, restval="")
                writer.writeheader()
                writer.writerows(rows)


def _arms(labels: Iterator[str] | tuple[str, ...]) -> list[tuple[str, str, str]]:
    return [(label, *drugs) for label, drugs in zip(labels, TWENTY_ARMS, strict=False)]


def awkward_study() -> Study:
    """The study; its protocols in the order of their names."""
    study = Study()
    two_arms = _arms(("first arm", "second arm"))

    study.protocol("arm_without_patients", two_arms)
    for days in (None, 30, 200, 0):
        study.patient(
            "arm_without_patients", TWENTY_ARMS[0], days_in_remission=days, events=("sepsis",)
        )

    study.rows["ingredients"] += [{"ingredient": drug} for drug in AWKWARD_DRUGS]
    study.rows["drug_names"] += [{"drug_name": drug, "ingredient": drug} for drug in AWKWARD_DRUGS]
    arms = _arms(AWKWARD_NAMES)
    arms[1] = (arms[1][0], *AWKWARD_DRUGS)
    study.protocol("awkward_names", arms)
    for number, (name, failed, salvage) in enumerate(arms):
        for days in (None, 40 + number, 0):
            study.patient(
                "awkward_names",
                (failed, salvage),
                days_in_remission=days,
                events=(name, SCRIPT) if days else (),
                death_day=400 if days == 0 else None,
            )

    # Records that are kept out or not understood.
    for number, end in enumerate(("2010-02-30", "2009-12-31", "never")):
        study.exposure("arm_without_patients-001", "cyclosporine", FIRST_DAY, end, f"bad-{number}")
    study.exposure("arm_without_patients-001", SCRIPT, FIRST_DAY, LAST_DAY, "unknown-drug")

    study.protocol("no_episode", two_arms)
    for drugs in TWENTY_ARMS[:3]:
        study.patient("no_episode", drugs, failed=False)

    study.protocol("no_event", two_arms)
    for drugs in TWENTY_ARMS[:2]:
        for colectomy_day in (None, 50):
            study.patient("no_event", drugs, days_in_remission=0, colectomy_day=colectomy_day)

    study.protocol("no_remission", two_arms)
    for drugs in TWENTY_ARMS[:2]:
        for death_day in (None, 70):
            study.patient("no_remission", drugs, death_day=death_day, events=("sepsis", "rash"))

    study.protocol("one_patient", two_arms)
    study.patient("one_patient", TWENTY_ARMS[0], days_in_remission=100, events=("sepsis",))

    study.protocol("twenty_arms", [(f"{b} after {a}", a, b) for a, b in TWENTY_ARMS])
    for number, drugs in enumerate(TWENTY_ARMS):
        for other in range(2 + number % 3):
            study.patient(
                "twenty_arms",
                drugs,
                days_in_remission=(None, 15 * (number + 1), 0)[(number + other) % 3],
                events=(f"term {number}",) if other else (),
                colectomy_day=300 + number if other == 2 else None,
            )
    return study
