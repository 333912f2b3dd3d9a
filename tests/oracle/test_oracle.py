"""Cases worked by hand from the SPEC, so that the oracle itself can be trusted."""

import csv
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from .folders import REFERENCE_COLUMNS, write_folder
from .oracle import GRAIN, TABLES, Record, Row, compute_marts, fold, parse_cell, trim, wilson
from .strategies import Cohort, cohorts, dirty_cohorts, outcomes, seeded_cohort

Marts = dict[str, list[Row]]

REFERENCE: dict[str, list[Row]] = {
    "protocols": [
        {
            "protocol_id": "uc_rescue",
            "diagnosis": "ulcerative colitis",
            "require_steroid_refractory": True,
            "require_failure": True,
            "window_days": 28,
            "max_overlap_days": 0,
            "remission_within_days": 90,
            "ae_risk_window_days": 30,
            "days_per_month": 30.416667,
        }
    ],
    "protocol_arms": [
        {
            "protocol_id": "uc_rescue",
            "arm_id": "ifx_after_csa",
            "arm_label": "infliximab after cyclosporine",
            "failed_ingredient": "cyclosporine",
            "salvage_ingredient": "infliximab",
            "window_days": None,
        },
        {
            "protocol_id": "uc_rescue",
            "arm_id": "csa_after_ifx",
            "arm_label": "cyclosporine after infliximab",
            "failed_ingredient": "infliximab",
            "salvage_ingredient": "cyclosporine",
            "window_days": None,
        },
    ],
    "ingredients": [
        {"ingredient": name, "era_gap_days": gap, "is_rescue": is_rescue}
        for name, gap, is_rescue in (
            ("cyclosporine", None, True),
            ("infliximab", 70, True),
            ("tacrolimus", 30, True),
            ("prednisone", 30, False),
        )
    ],
    "drug_names": [
        {"drug_name": name, "ingredient": ingredient}
        for name, ingredient in (
            ("Cyclosporine", "cyclosporine"),
            ("infliximab", "infliximab"),
            ("Remicade", "infliximab"),
            ("tacrolimus", "tacrolimus"),
            ("prednisone", "prednisone"),
        )
    ],
    "procedure_names": [
        {"procedure_name": "subtotal colectomy", "procedure_group": "colectomy"},
        {"procedure_name": "colonoscopy", "procedure_group": "endoscopy"},
    ],
}
DEFAULTS = {
    "patient_id": "p1",
    "diagnosis": "Ulcerative Colitis",
    "steroid_refractory": "yes",
    "last_follow_up_date": "2009-12-31",
    "drug_name": "infliximab",
    "start_date": "2008-01-20",
    "assessment_date": "2008-02-01",
    "disease_status": "remission",
    "procedure_name": "Subtotal  colectomy",
    "procedure_date": "2008-06-01",
    "event_term": "sepsis",
    "onset_date": "2008-02-01",
}
CSA = {"drug_name": "cyclosporine", "start_date": "2008-01-01", "end_date": "2008-01-10"}
CSA["stop_reason"] = "failure"
IFX = {"start_date": "2008-01-20", "end_date": "2008-02-20"}  # s = 20 January, gap 10


def run(
    *,
    data_cutoff_date: date | None = None,
    protocol: Row | None = None,
    arms: list[Row] | None = None,
    **tables: list[dict[str, str]],
) -> Marts:
    """Marts of the named rows: missing cells from DEFAULTS, keys `k2`, `k3` ... by line."""
    records = {}
    for table, columns in TABLES.items():
        records[table] = [
            Record(
                line,
                [
                    row.get(column.name, DEFAULTS.get(column.name, "" if n else f"k{line}"))
                    for n, column in enumerate(columns)
                ],
            )
            for line, row in enumerate(tables.get(table, []), start=2)
        ]
    reference = dict(REFERENCE)
    reference["protocols"] = [REFERENCE["protocols"][0] | (protocol or {})]
    if arms is not None:
        reference["protocol_arms"] = [REFERENCE["protocol_arms"][0] | arm for arm in arms]
    return compute_marts(records, reference, data_cutoff_date)


def course(*more: dict[str, str], patient: dict[str, str] | None = None, **rest: Any) -> Marts:
    """Marts of p1, who got CSA, IFX and `more` exposures."""
    p1 = {"patient_id": "p1"} | (patient or {})
    return run(patients=[p1], drug_exposures=[CSA, IFX, *more], **rest)


def only(rows: list[Row]) -> Row:
    assert len(rows) == 1
    return rows[0]


def faults(marts: Marts) -> list[tuple[int, str, str | None]]:
    return [(q["line_number"], q["reason"], q["column_name"]) for q in marts["dq_quarantine"]]


# ---- Section 1 ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "cell", "value"),
    [
        ("id", "A.b_c:1-2", "A.b_c:1-2"),
        ("id", "x" * 64, "x" * 64),
        ("date", "1850-01-01", date(1850, 1, 1)),
        ("date", "2008-02-29", date(2008, 2, 29)),
        ("date", "9999-12-31", date(9999, 12, 31)),
        ("dose", "+3e2", 300.0),
        ("number", "-0.5", -0.5),
        ("grade", "2.0", 2),
        ("boolean", "YES", True),
        ("boolean", "0", False),
        ("boolean", "", None),
        ("flag", "", False),
        ("sex", "f", "F"),
        ("stop_reason", "FAILURE", "failure"),
        ("text", "NULL", "NULL"),
    ],
)
def test_good_cells(kind: str, cell: str, value: object) -> None:
    parsed = parse_cell(cell, kind)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("kind", "cells"),
    [
        ("id", ["_a", "a b", "x" * 65, "é"]),
        ("date", ["03/04/2008", "2008-01", "20080131", "2008-02-30", "1849-12-31", "infinity"]),
        (
            "date",
            ["2007-02-29", "2008-01-31 00:00:00", "2008-1-1", "epoch", "NA", "\uff12008-01-01"],
        ),
        ("number", ["0,5", "1_000", "1,200", "NaN", "inf", "300 mg", "1e400", "e5", ".", "٣"]),
        ("dose", ["0", "-1"]),
        ("grade", ["0", "6", "2.5", "NaN"]),
        ("boolean", ["2", "on", "NA", "tru"]),
        ("flag", ["-99"]),
        ("sex", ["X", "female"]),
        ("disease_status", ["NULL", "inactive"]),
    ],
)
def test_bad_cells(kind: str, cells: list[str]) -> None:
    for cell in cells:
        with pytest.raises(ValueError):
            parse_cell(cell, kind)


def test_white_space_is_unicodes() -> None:
    assert trim("\u3000\x85 a b\u2028\t") == "a b"
    assert trim("\x1fa\u200b") == "\x1fa\u200b"


def test_the_first_reason_that_applies_wins() -> None:
    long = "x" * 10_001
    marts = run(
        patients=[
            {"patient_id": " " * 10_001},  # too long comes before missing
            {"birth_date": "bad", "last_follow_up_date": "\u3000"},  # missing before bad
            {"birth_date": "bad", "sex": "bad"},  # the first column of several
            {"diagnosis": "x" * 10_000, "patient_id": "p9"},
            {"diagnosis": long},
        ]
    )
    assert faults(marts) == [
        (2, "field_too_long", "patient_id"),
        (3, "missing_required", "last_follow_up_date"),
        (4, "bad_date", "birth_date"),
        (6, "field_too_long", "diagnosis"),
    ]
    assert only(marts["dim_patients"])["patient_id"] == "p9"


def test_wrong_field_count_comes_first() -> None:
    n = len(TABLES["patients"])
    records = [
        Record(2, ["x" * 10_001] * (n + 1)),
        Record(3, None),
        Record(4, [""] * n, has_wrong_field_count=True),
        Record(5, [""] * n),
    ]
    marts = compute_marts({"patients": records}, REFERENCE)
    assert faults(marts) == [
        *[(line, "wrong_field_count", None) for line in (2, 3, 4)],
        (5, "missing_required", "patient_id"),
    ]
    # A file that is not there has no row
    assert marts["dq_row_ledger"] == [
        {
            "table_name": "patients",
            "file_name": "patients.csv",
            "n_records": 4,
            "n_accepted": 0,
            "n_collapsed": 0,
            "n_quarantined": 4,
        }
    ]


def test_equal_rows_collapse_and_different_ones_of_a_key_are_all_quarantined() -> None:
    events = [
        {"adverse_event_id": "a", "is_fatal": "", "severity_grade": "2"},
        {"adverse_event_id": "a", "is_fatal": "No", "severity_grade": "2.0"},
        {"adverse_event_id": " a", "event_term": "sepsis "},
        {"adverse_event_id": "b"},
        {"adverse_event_id": "b", "event_term": " sepsis"},
        {"adverse_event_id": "c", "patient_id": "nobody"},
        {"adverse_event_id": "c", "patient_id": "nobody"},
        {"adverse_event_id": "d", "onset_date": "bad"},  # no rival: it fell at step 4
        {"adverse_event_id": "d"},
    ]
    marts = run(patients=[{"patient_id": "p1"}], adverse_events=events)
    assert faults(marts) == [
        (2, "duplicate_key", "adverse_event_id"),
        (3, "duplicate_key", "adverse_event_id"),
        (4, "duplicate_key", "adverse_event_id"),
        (7, "orphan_patient", "patient_id"),
        (8, "orphan_patient", "patient_id"),
        (9, "bad_date", "onset_date"),
    ]
    assert [e["adverse_event_id"] for e in marts["fct_adverse_events"]] == ["b", "d"]
    ledger = {row["table_name"]: row for row in marts["dq_row_ledger"]}["adverse_events"]
    assert (ledger["n_records"], ledger["n_accepted"]) == (9, 2)
    assert (ledger["n_collapsed"], ledger["n_quarantined"]) == (1, 6)


def test_patients_who_contradict_themselves_take_their_rows_with_them() -> None:
    marts = run(
        patients=[
            {"patient_id": "a", "birth_date": "2000-01-02", "death_date": "2000-01-01"},
            {"patient_id": "b", "birth_date": "2010-01-01"},
            {"patient_id": "c", "birth_date": "2009-12-31", "death_date": "2009-12-31"},
        ],
        procedures=[{"patient_id": "a"}, {"patient_id": "c", "procedure_date": "2009-12-31"}],
    )
    assert faults(marts) == [
        (2, "birth_after_death", "birth_date"),
        (3, "follow_up_before_birth", "last_follow_up_date"),
        (2, "orphan_patient", "patient_id"),
    ]


def test_dates_are_checked_against_closed_limits() -> None:
    patient = {"birth_date": "2008-01-01", "death_date": "2008-03-01"}
    patient["last_follow_up_date"] = "2008-04-01"
    days = ["2007-12-31", "2008-01-01", "2008-02-01", "2008-02-02", "2008-03-01", "2008-03-02"]
    marts = run(
        patients=[patient],
        drug_exposures=[
            *[{"start_date": day} for day in days],
            {"start_date": "2007-12-31", "end_date": "2007-12-30"},  # reason 8 before 9
        ],
        adverse_events=[
            {"onset_date": "", "resolution_date": "2007-01-01"},
            {"onset_date": "2008-02-01", "resolution_date": "2008-02-01"},
            {"onset_date": "2008-02-01", "resolution_date": "2008-01-31"},
        ],
        data_cutoff_date=date(2008, 2, 1),
    )
    assert faults(marts) == [
        (4, "end_before_start", "resolution_date"),
        (2, "before_birth", "start_date"),
        (5, "after_cutoff", "start_date"),
        (6, "after_cutoff", "start_date"),
        (7, "after_death", "start_date"),
        (8, "end_before_start", "end_date"),
    ]
    assert only(marts["dim_patients"]) == {
        "patient_id": "p1",
        "sex": None,
        "birth_date": date(2008, 1, 1),
        "diagnosis": "Ulcerative Colitis",
        "steroid_refractory": True,
        "observation_end_date": date(2008, 2, 1),
        "death_date": date(2008, 3, 1),
    }


# ---- Section 2 ----------------------------------------------------------------------------------


def test_names_are_compared_folded() -> None:
    assert fold("\u3000\uff32\uff25mica\uff44e ") == fold("REMICADE") == "remicade"
    assert fold("Weiß\u2003\n gold") == fold("WEISS GOLD")
    assert fold("remi cade") != fold("remicade")


def eras(*exposures: dict[str, str], **rest: Any) -> list[tuple[str, str, int]]:
    marts = run(patients=[{"patient_id": "p1"}], drug_exposures=list(exposures), **rest)
    return [
        (f"{era['era_start_date']}", f"{era['era_end_date']}", era["n_exposures"])
        for era in marts["fct_drug_eras"]
    ]


def test_an_era_goes_on_up_to_the_gap() -> None:
    first = {"drug_name": "CYCLOSPORINE", "start_date": "2008-01-01", "end_date": "2008-01-10"}
    # 10 January + 30 = 9 February
    on_the_limit = first | {"start_date": "2008-02-09", "end_date": "2008-02-10"}
    one_day_later = on_the_limit | {"start_date": "2008-02-10"}
    assert eras(first, on_the_limit) == [("2008-01-01", "2008-02-10", 2)]
    assert eras(first, one_day_later) == [
        ("2008-01-01", "2008-01-10", 1),
        ("2008-02-10", "2008-02-10", 1),
    ]


def test_infliximab_has_its_own_gap_by_whatever_name() -> None:
    first = {"drug_name": "\uff32emicade", "start_date": "2008-01-01", "end_date": "2008-01-01"}
    # 1 January + 70 = 11 March
    second = {"drug_name": " infliximab", "start_date": "2008-03-11", "end_date": "2008-03-11"}
    assert eras(first, second) == [("2008-01-01", "2008-03-11", 2)]
    assert len(eras(first, second | {"start_date": "2008-03-12", "end_date": ""})) == 2


def test_the_running_maximum_of_the_ends_counts() -> None:
    csa = {"drug_name": "cyclosporine"}
    assert eras(
        csa | {"start_date": "2008-01-01", "end_date": "2008-06-30"},
        csa | {"start_date": "2008-02-01", "end_date": "2008-02-02"},
        csa | {"start_date": "2008-07-30", "end_date": "2008-07-31"},
    ) == [("2008-01-01", "2008-07-31", 3)]


def test_late_and_open_ends_are_the_observation_end_and_unmapped_has_no_era() -> None:
    assert eras(
        {"drug_name": "tacrolimus", "start_date": "2009-12-31", "end_date": "2010-05-01"},
        {"drug_name": "cyclosporine", "start_date": "2008-01-01", "end_date": ""},
        {"drug_name": "mystery", "start_date": "2008-01-01", "end_date": ""},
    ) == [("2008-01-01", "2009-12-31", 1), ("2009-12-31", "2009-12-31", 1)]


def test_the_calendars_last_day_is_no_obstacle() -> None:
    last = "9999-12-31"
    marts = run(
        patients=[{"last_follow_up_date": last}],
        drug_exposures=[
            CSA | {"start_date": "9999-12-01", "end_date": "9999-12-30"},
            {"start_date": last},
            {"start_date": last},
        ],
        disease_assessments=[{"assessment_date": last}],
        adverse_events=[{"onset_date": last}],
    )
    assert only(marts["fct_remissions"])["duration_days"] == 0
    assert only(marts["fct_adverse_events"])["attribution"] == "treatment_emergent"
    assert marts["agg_adverse_events_by_arm"][0]["person_days"] == 1


# ---- Section 3 ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "gap_days", "salvage_class"),
    [
        ("2008-01-09", -1, "concomitant"),
        ("2008-01-10", 0, "acute_salvage"),
        ("2008-01-11", 1, "acute_salvage"),  # the day after the last day
        ("2008-02-07", 28, "acute_salvage"),
        ("2008-02-08", 29, "delayed_switch"),
    ],
)
def test_classes(start: str, gap_days: int, salvage_class: str) -> None:
    ifx = {"start_date": start, "end_date": "2008-03-01"}
    marts = run(patients=[{"patient_id": "p1"}], drug_exposures=[CSA, ifx])
    assert only(marts["fct_salvage_episodes"]) == {
        "protocol_id": "uc_rescue",
        "arm_id": "ifx_after_csa",
        "patient_id": "p1",
        "failed_era_start_date": date(2008, 1, 1),
        "failed_era_end_date": date(2008, 1, 10),
        "salvage_start_date": date.fromisoformat(start),
        "salvage_end_date": date(2008, 3, 1),
        "gap_days": gap_days,
        "salvage_class": salvage_class,
        "is_first_drug_failed": True,
        "is_in_analysis_set": salvage_class == "acute_salvage",
    }


def test_overlap_up_to_the_limit_is_no_concomitance() -> None:
    for overlap, salvage_class in (("2008-01-23", "acute_salvage"), ("2008-01-24", "concomitant")):
        marts = run(
            patients=[{"patient_id": "p1"}],
            drug_exposures=[CSA | {"end_date": overlap}, IFX],
            protocol={"max_overlap_days": 3},
        )
        assert only(marts["fct_salvage_episodes"])["salvage_class"] == salvage_class


def test_drugs_begun_on_one_day_make_no_episode() -> None:
    marts = run(
        patients=[{"patient_id": "p1"}],
        drug_exposures=[CSA, IFX | {"start_date": CSA["start_date"]}],
    )
    assert marts["fct_salvage_episodes"] == []


def test_the_failed_era_is_the_latest_before_and_switching_back_is_another_arm() -> None:
    earlier = CSA | {"start_date": "2007-01-01", "end_date": "2007-01-10"}
    back = CSA | {"start_date": "2008-03-01", "end_date": "2008-03-02"}
    episodes = course(earlier, back)["fct_salvage_episodes"]
    assert [(e["arm_id"], e["failed_era_start_date"], e["gap_days"]) for e in episodes] == [
        ("csa_after_ifx", date(2008, 1, 20), 10),
        ("ifx_after_csa", date(2008, 1, 1), 10),
    ]
    assert [e["is_in_analysis_set"] for e in episodes] == [False, True]


@pytest.mark.parametrize(
    ("end", "start", "exposure_id", "is_failed"),
    [
        ("2008-01-11", "2008-01-02", "a", False),  # a later end
        ("2008-01-10", "2008-01-02", "a", False),  # the same end, a later start
        ("2008-01-10", "2008-01-01", "z", False),  # both the same, a greater id
        ("2008-01-10", "2008-01-01", "Z", True),  # by code point: Z < k2
        ("2008-01-09", "2008-01-02", "z", True),
    ],
)
def test_the_last_exposure_tells_failure(
    end: str, start: str, exposure_id: str, is_failed: bool
) -> None:
    other = CSA | {"exposure_id": exposure_id, "start_date": start, "end_date": end}
    other["stop_reason"] = "other"
    assert only(course(other)["fct_salvage_episodes"])["is_first_drug_failed"] is is_failed


def test_the_first_episode_counts_then_the_lesser_arm() -> None:
    arms: list[Row] = [{"arm_id": "b"}, {"arm_id": "a"}, {"arm_id": "B", "window_days": 9}]
    episodes = course(arms=arms)["fct_salvage_episodes"]
    assert [(e["arm_id"], e["salvage_class"], e["is_in_analysis_set"]) for e in episodes] == [
        ("B", "delayed_switch", False),
        ("a", "acute_salvage", True),
        ("b", "acute_salvage", False),
    ]


@pytest.mark.parametrize(
    ("patient", "protocol", "n_analysed"),
    [
        ({}, {}, 1),
        ({"diagnosis": " ULCERATIVE \t colitis"}, {}, 1),
        ({"diagnosis": "Crohn's disease"}, {}, 0),
        ({"diagnosis": ""}, {}, 0),
        ({"diagnosis": ""}, {"diagnosis": None}, 1),
        ({"steroid_refractory": "n"}, {}, 0),
        ({"steroid_refractory": ""}, {}, 0),
        ({"steroid_refractory": ""}, {"require_steroid_refractory": False}, 1),
    ],
)
def test_rules_about_the_patient(patient: dict[str, str], protocol: Row, n_analysed: int) -> None:
    marts = course(patient=patient, protocol=protocol)
    assert len(marts["fct_remissions"]) == n_analysed
    assert marts["fct_salvage_episodes"] != []


def test_another_reason_for_stopping_counts_where_failure_is_not_asked() -> None:
    for require_failure in (True, False):
        marts = run(
            patients=[{"patient_id": "p1"}],
            drug_exposures=[CSA | {"stop_reason": ""}, IFX],
            protocol={"require_failure": require_failure},
        )
        episode = only(marts["fct_salvage_episodes"])
        assert episode["is_first_drug_failed"] is False
        assert episode["is_in_analysis_set"] is not require_failure


def test_attrition_step_by_step() -> None:
    def mine(patient_id: str, *exposures: dict[str, str]) -> list[dict[str, str]]:
        return [exposure | {"patient_id": patient_id} for exposure in exposures]

    late = IFX | {"start_date": "2008-02-08"}
    marts = run(
        patients=[
            {"patient_id": "crohn", "diagnosis": "Crohn's disease"},
            {"patient_id": "unknown", "steroid_refractory": ""},
            {"patient_id": "neither"},
            {"patient_id": "csa_only"},
            {"patient_id": "stopped"},
            {"patient_id": "late"},
            {"patient_id": "counted"},
        ],
        drug_exposures=[
            *mine("crohn", CSA, IFX),
            *mine("unknown", CSA, IFX),
            *mine("neither", CSA | {"drug_name": "prednisone"}),
            *mine("csa_only", CSA),
            *mine("stopped", CSA | {"stop_reason": "other"}, IFX),
            *mine("late", CSA, late),
            *mine("counted", CSA, IFX),
        ],
    )
    steps = marts["agg_cohort_attrition"]
    assert [(s["step_number"], s["step"], s["n_remaining"], s["n_excluded"]) for s in steps] == [
        (1, "all_patients", 7, 0),
        (2, "has_diagnosis", 6, 1),
        (3, "steroid_refractory", 5, 1),
        (4, "exposed_to_failed_drug", 4, 1),
        (5, "received_alternate_drug", 3, 1),
        (6, "first_drug_failed", 2, 1),
        (7, "within_salvage_window", 1, 1),
    ]


def test_windows_of_an_episode_and_failure_must_meet_in_one_episode() -> None:
    """An early switch that was no failure and a failure switched late: nobody is left."""
    exposures = [
        CSA | {"stop_reason": "other"},
        IFX | {"end_date": "2008-01-21"},
        CSA | {"start_date": "2008-06-01", "end_date": "2008-06-02"},
        IFX | {"start_date": "2008-08-01", "end_date": "2008-08-02"},
    ]
    arms: list[Row] = [{"arm_id": "ifx_after_csa"}]
    marts = run(patients=[{"patient_id": "p1"}], drug_exposures=exposures, arms=arms)
    assert [
        (e["gap_days"], e["salvage_class"], e["is_first_drug_failed"])
        for e in marts["fct_salvage_episodes"]
    ] == [(10, "acute_salvage", False), (60, "delayed_switch", True)]
    assert [step["n_remaining"] for step in marts["agg_cohort_attrition"]][-2:] == [1, 0]
    assert marts["fct_remissions"] == []


# ---- Section 4 (s = 20 January 2008) ------------------------------------------------------------


def remission(*assessments: tuple[str, str], **rest: Any) -> Row:
    rows = [{"assessment_date": day, "disease_status": status} for day, status in assessments]
    return only(course(disease_assessments=rows, **rest)["fct_remissions"])


def test_a_censored_remission_in_full() -> None:
    assert remission(("2008-02-01", "remission")) == {
        "protocol_id": "uc_rescue",
        "arm_id": "ifx_after_csa",
        "patient_id": "p1",
        "salvage_start_date": date(2008, 1, 20),
        "is_remission": True,
        "remission_start_date": date(2008, 2, 1),
        "remission_end_date": date(2009, 12, 31),
        "loss_reason": None,
        "is_censored": True,
        "duration_days": 699,  # 366 + 365 - 1 - 31
        "duration_months": 699 / 30.416667,
    }


def test_no_remission_in_full() -> None:
    row = remission(("2008-02-01", "response"))
    assert row["is_remission"] is False
    assert {row[name] for name in list(row)[5:]} == {None}


@pytest.mark.parametrize(
    ("assessments", "start"),
    [
        ([("2008-01-19", "remission")], None),
        ([("2008-01-20", "remission")], date(2008, 1, 20)),
        ([("2008-04-19", "remission")], date(2008, 4, 19)),  # day 90
        ([("2008-04-20", "remission")], None),  # day 91
        # The worst of a day counts
        ([("2008-02-01", "remission"), ("2008-02-01", "response")], None),
        ([("2008-02-01", "active"), ("2008-02-01", "remission")], None),
        ([("2008-02-01", "active"), ("2008-02-02", "remission")], date(2008, 2, 2)),
    ],
)
def test_the_start_of_remission(assessments: list[tuple[str, str]], start: date | None) -> None:
    assert remission(*assessments)["remission_start_date"] == start


def test_no_limit_for_remission() -> None:
    row = remission(("2009-12-31", "remission"), protocol={"remission_within_days": None})
    assert (row["is_remission"], row["duration_days"]) == (True, 0)


TAC = {"drug_name": "tacrolimus", "start_date": "2008-03-01", "end_date": "2008-03-01"}
EVENTS: dict[str, dict[str, Any]] = {
    "relapse": {"assessments": [("2008-03-01", "active")]},
    "new_rescue_therapy": {"more": [TAC]},
    "colectomy": {"procedures": [{"procedure_date": "2008-03-01"}]},
    "death": {"patient": {"death_date": "2008-03-01"}},
}


def lose(names: list[str], *assessments: tuple[str, str], **rest: Any) -> Row:
    """The remission of a patient to whom all the named things happen on 1 March 2008."""
    told: dict[str, Any] = {}
    for name in names:
        told |= EVENTS[name]
    rows = [
        {"assessment_date": day, "disease_status": status}
        for day, status in (*assessments, *told.get("assessments", []))
    ]
    marts = course(
        *told.get("more", []),
        patient=told.get("patient"),
        disease_assessments=rows,
        procedures=told.get("procedures", []),
        **rest,
    )
    return only(marts["fct_remissions"])


@pytest.mark.parametrize("first", range(4))
@pytest.mark.parametrize("last", range(4))
def test_on_one_day_the_later_name_is_the_reason(first: int, last: int) -> None:
    names = list(EVENTS)[first : last + 1]
    row = lose(names, ("2008-02-01", "remission"))
    if names:
        assert (row["loss_reason"], row["is_censored"]) == (names[-1], False)
        assert (row["remission_end_date"], row["duration_days"]) == (date(2008, 3, 1), 29)
    else:
        assert (row["loss_reason"], row["is_censored"]) == (None, True)


@pytest.mark.parametrize("name", ["new_rescue_therapy", "colectomy", "death"])
def test_remission_is_strictly_before_failure(name: str) -> None:
    assert lose([name], ("2008-02-29", "remission"))["duration_days"] == 1
    assert lose([name], ("2008-03-01", "remission"))["is_remission"] is False


def test_a_relapse_before_remission_prevents_nothing() -> None:
    row = remission(("2008-01-25", "active"), ("2008-02-01", "remission"), ("2008-02-03", "active"))
    assert (row["duration_days"], row["loss_reason"]) == (2, "relapse")


@pytest.mark.parametrize(
    "exposure",
    [
        TAC | {"start_date": "2008-01-20"},  # on the day of s
        TAC | {"drug_name": "prednisone"},  # no rescue drug
        IFX | {"start_date": "2009-01-01", "end_date": ""},  # the salvage drug again
    ],
)
def test_what_is_no_new_rescue(exposure: dict[str, str]) -> None:
    rows = [{"assessment_date": "2008-02-01", "disease_status": "remission"}]
    assert only(course(exposure, disease_assessments=rows)["fct_remissions"])["is_censored"]


def test_the_failed_drug_again_is_a_new_rescue() -> None:
    again = CSA | {"start_date": "2008-04-01", "end_date": "2008-04-02"}
    rows = [{"assessment_date": "2008-02-01", "disease_status": "remission"}]
    row = only(course(again, disease_assessments=rows)["fct_remissions"])
    assert (row["loss_reason"], row["duration_days"]) == ("new_rescue_therapy", 60)


def test_colectomy_on_the_day_of_salvage_prevents_remission_and_before_it_does_not() -> None:
    for day, is_remission in (("2008-01-20", False), ("2008-01-19", True)):
        row = remission(("2008-01-20", "remission"), procedures=[{"procedure_date": day}])
        assert row["is_remission"] is is_remission
    other = [{"procedure_name": "colonoscopy"}, {"procedure_name": "mystery"}]
    assert remission(("2008-02-01", "remission"), procedures=other)["is_censored"]


def test_a_death_after_the_last_visit_counts_and_one_after_the_cutoff_is_not_known() -> None:
    patient = {"last_follow_up_date": "2008-02-10", "death_date": "2008-02-20"}
    row = remission(("2008-02-01", "remission"), patient=patient)
    assert (row["loss_reason"], row["duration_days"]) == ("death", 19)
    for cutoff, reason, days in ((20, "death", 19), (19, None, 9)):
        row = remission(
            ("2008-02-01", "remission"), patient=patient, data_cutoff_date=date(2008, 2, cutoff)
        )
        assert (row["loss_reason"], row["duration_days"]) == (reason, days)


def test_months_per_arm() -> None:
    rows = [
        {"assessment_date": "2008-02-01", "disease_status": "remission"},
        {"assessment_date": "2008-03-01", "disease_status": "active"},
        {"assessment_date": "2008-02-01", "disease_status": "remission", "patient_id": "p2"},
        {"assessment_date": "2008-02-11", "disease_status": "active", "patient_id": "p2"},
    ]
    names = ["p1", "p2", "p3"]
    marts = run(
        patients=[{"patient_id": name} for name in names],
        drug_exposures=[drug | {"patient_id": name} for name in names for drug in (CSA, IFX)],
        disease_assessments=rows,
        protocol={"days_per_month": 10.0},
    )
    summary = {row["arm_id"]: row for row in marts["agg_remission_by_arm"]}
    assert list(summary) == ["all", "csa_after_ifx", "ifx_after_csa"]
    low, high = wilson(2, 3)
    numbers = {
        "n_patients": 3,
        "n_remissions": 2,
        "remission_rate": 2 / 3,
        "wilson_low": low,
        "wilson_high": high,
        "mean_months": pytest.approx(1.95),
        "min_months": 1.0,
        "max_months": 2.9,
    }
    for arm_id in ("all", "ifx_after_csa"):
        assert summary[arm_id] == {"protocol_id": "uc_rescue", "arm_id": arm_id} | numbers
    empty = summary["csa_after_ifx"]
    assert (empty["n_patients"], empty["n_remissions"]) == (0, 0)
    assert {empty[name] for name in list(empty)[4:]} == {None}


# ---- Section 5 (S.end = 20 February 2008; + 30 days = 21 March) ---------------------------------


@pytest.mark.parametrize(
    ("onset", "attribution"),
    [
        ("", "no_onset_date"),
        ("2008-01-19", "before_salvage"),
        ("2008-01-20", "treatment_emergent"),
        ("2008-03-21", "treatment_emergent"),
        ("2008-03-22", "after_risk_window"),
    ],
)
def test_attribution(onset: str, attribution: str) -> None:
    event = only(course(adverse_events=[{"onset_date": onset}])["fct_adverse_events"])
    assert event == {
        "protocol_id": "uc_rescue",
        "arm_id": "ifx_after_csa",
        "patient_id": "p1",
        "adverse_event_id": "k2",
        "event_term": "sepsis",
        "onset_date": date.fromisoformat(onset) if onset else None,
        "is_serious": False,
        "is_fatal": False,
        "attribution": attribution,
    }


def test_events_outside_the_analysis_set() -> None:
    marts = run(patients=[{"patient_id": "p1"}], adverse_events=[{"onset_date": ""}])
    event = only(marts["fct_adverse_events"])
    assert (event["arm_id"], event["attribution"]) == (None, "not_in_cohort")


@pytest.mark.parametrize(
    ("cells", "is_serious"),
    [
        ({"severity_grade": "4"}, False),
        ({"is_fatal": "n", "outcome": "died"}, False),
        ({"is_fatal": "y"}, True),
        ({"is_life_threatening": "y"}, True),
        ({"is_hospitalization": "y"}, True),
        ({"is_disability": "y"}, True),
        ({"is_medically_important": "y"}, True),
    ],
)
def test_serious(cells: dict[str, str], is_serious: bool) -> None:
    event = only(course(adverse_events=[cells])["fct_adverse_events"])
    assert event["is_serious"] is is_serious
    assert event["is_fatal"] is (cells.get("is_fatal") == "y")


def test_person_days_and_rates() -> None:
    names = ["window", "event", "death"]
    events = [
        {"patient_id": "window", "onset_date": "2008-03-22", "is_fatal": "1"},  # too late
        {"patient_id": "window", "onset_date": "2008-02-01", "severity_grade": "5"},
        {"patient_id": "event", "onset_date": "2008-02-08", "is_hospitalization": "1"},
        {"patient_id": "event", "onset_date": "2008-01-30", "is_fatal": "1"},
        {"patient_id": "event", "onset_date": "2008-01-30", "is_fatal": "1"},
        {"patient_id": "death", "onset_date": "2008-01-19", "is_disability": "1"},  # before
    ]
    marts = run(
        patients=[
            {"patient_id": "window"},
            {"patient_id": "event"},
            {"patient_id": "death", "death_date": "2008-01-24"},
        ],
        drug_exposures=[drug | {"patient_id": name} for name in names for drug in (CSA, IFX)],
        adverse_events=events,
    )
    summary = {row["arm_id"]: row for row in marts["agg_adverse_events_by_arm"]}
    low, high = wilson(1, 3)
    # 20 January to 21 March: 62 days, both counted; to 30 January: 11; to 24 January: 5
    assert summary["ifx_after_csa"] == {
        "protocol_id": "uc_rescue",
        "arm_id": "ifx_after_csa",
        "n_patients": 3,
        "n_patients_with_sae": 1,
        "sae_rate": 1 / 3,
        "wilson_low": low,
        "wilson_high": high,
        "n_sae_events": 3,
        "n_deaths": 1,
        "person_days": 78,
        "rate_per_100_person_years": pytest.approx(100 / (78 / 365.25)),
    }
    empty = summary["csa_after_ifx"]
    assert (empty["n_sae_events"], empty["n_deaths"], empty["person_days"]) == (0, 0, 0)
    assert (empty["sae_rate"], empty["rate_per_100_person_years"]) == (None, None)


# ---- Section 6 ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n_events", "n", "percent"),
    [(4, 10, (16.8, 68.7)), (3, 9, (12.1, 64.6)), (3, 19, (5.5, 37.6))],
)
def test_wilson_vectors(n_events: int, n: int, percent: tuple[float, float]) -> None:
    low, high = wilson(n_events, n)
    assert low is not None
    assert high is not None
    assert (round(100 * low, 1), round(100 * high, 1)) == percent


def test_wilson_at_the_ends() -> None:
    assert wilson(0, 0) == (None, None)
    upper = 0.2775327999  # z^2 / (n + z^2)
    assert wilson(0, 10)[0] == 0
    assert wilson(0, 10)[1] == pytest.approx(upper)
    assert wilson(10, 10)[0] == pytest.approx(1 - upper)
    assert wilson(10, 10)[1] == pytest.approx(1)


# ---- Section 9, folders and strategies ----------------------------------------------------------

# Every kind of outcome that seeded cohorts must hold in at least 3 in 100
RARE = [
    *[f"class {name}" for name in ("acute_salvage", "concomitant", "delayed_switch")],
    *[f"loss {name}" for name in EVENTS],
    "loss none (censored)",
    "no remission",
    *[f"attribution {name}" for name in ("before_salvage", "treatment_emergent")],
    *[f"attribution {name}" for name in ("after_risk_window", "no_onset_date", "not_in_cohort")],
    *[f"excluded at {name}" for name in ("has_diagnosis", "steroid_refractory")],
    *[f"excluded at {name}" for name in ("exposed_to_failed_drug", "received_alternate_drug")],
    *[f"excluded at {name}" for name in ("first_drug_failed", "within_salvage_window")],
    "n_deaths > 0",
    "n_patients_with_sae > 0",
]
REASONS = [
    "wrong_field_count field_too_long missing_required bad_id bad_date bad_number bad_boolean",
    "bad_code duplicate_key birth_after_death follow_up_before_birth orphan_patient",
    "end_before_start before_birth after_death after_cutoff",
]
RARE_IN_DIRTY = ["collapsed", *[f"reason {reason}" for line in REASONS for reason in line.split()]]


@pytest.mark.parametrize("dirty", [False, True])
def test_seeded_cohorts_are_dense(dirty: bool) -> None:
    counts: Counter[str] = Counter()
    for seed in range(500):
        counts.update(outcomes(seeded_cohort(seed, 1 + seed % 6, dirty=dirty)))
    assert counts["analysis episode"] > 250
    assert counts["remission"] > 150
    rare = RARE_IN_DIRTY if dirty else RARE
    assert [outcome for outcome in rare if counts[outcome] < 15] == []


def check_marts(cohort: Cohort) -> Marts:
    """What must hold in any cohort: grains, sums, and independence of the rows' order."""
    marts = compute_marts(*cohort)
    for mart, grain in GRAIN.items():
        keys = [tuple(row[name] for name in grain) for row in marts[mart]]
        assert len(set(keys)) == len(keys), mart
    for row in marts["dq_row_ledger"]:
        counted = row["n_accepted"] + row["n_collapsed"] + row["n_quarantined"]
        assert counted == row["n_records"] == len(cohort.tables[row["table_name"]])
    for protocol in cohort.reference["protocols"]:
        key = protocol["protocol_id"]
        last = [s for s in marts["agg_cohort_attrition"] if s["protocol_id"] == key][-1]
        analysed = [r for r in marts["fct_remissions"] if r["protocol_id"] == key]
        assert last["n_remaining"] == len(analysed)
    turned = {
        table: [
            Record(record.line_number, other.cells, other.has_wrong_field_count)
            for record, other in zip(records, reversed(records), strict=True)
        ]
        for table, records in cohort.tables.items()
    }
    of_turned = compute_marts(turned, cohort.reference, cohort.data_cutoff_date)
    for mart in GRAIN:
        if mart != "dq_quarantine":
            assert of_turned[mart] == marts[mart]
    return marts


@settings(max_examples=50, deadline=None)
@given(cohorts())
def test_cohorts(cohort: Cohort) -> None:
    marts = check_marts(cohort)
    assert marts["dq_quarantine"] == []
    assert {row["n_collapsed"] for row in marts["dq_row_ledger"]} == {0}


@settings(max_examples=50, deadline=None)
@given(dirty_cohorts())
def test_dirty_cohorts(cohort: Cohort) -> None:
    check_marts(cohort)


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_folder_holds_every_record_on_its_line(tmp_path: Path, line_end: str) -> None:
    cohort = seeded_cohort(7, 100, dirty=True)
    folder = write_folder(
        cohort.tables, cohort.reference, tmp_path / "in", bom=True, line_end=line_end
    )
    assert len(list(folder.iterdir())) == len(TABLES) + len(REFERENCE_COLUMNS)
    for table, columns in TABLES.items():
        records = []
        with (folder / f"{table}.csv").open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            assert next(reader) == [column.name for column in columns]
            line_number = reader.line_num + 1
            for cells in reader:
                if cells:
                    records.append(Record(line_number, cells, len(cells) != len(columns)))
                line_number = reader.line_num + 1
        assert records == list(cohort.tables[table])


def test_a_folder_of_typed_reference_rows(tmp_path: Path) -> None:
    cohort = seeded_cohort(1, 1)
    write_folder({}, cohort.reference, tmp_path)
    assert {path.stem for path in tmp_path.iterdir()} == set(REFERENCE_COLUMNS)
    with (tmp_path / "protocols.csv").open(encoding="utf-8") as file:
        for row, written in zip(cohort.reference["protocols"], csv.DictReader(file), strict=True):
            assert written["window_days"] == str(row["window_days"])
            assert written["require_failure"] == str(row["require_failure"]).lower()
            assert float(written["days_per_month"]) == row["days_per_month"]


def test_a_record_needs_a_free_line(tmp_path: Path) -> None:
    records = [Record(2, ["a", "b\nc"]), Record(3, ["d"])]
    with pytest.raises(ValueError, match="line 3 is taken"):
        write_folder({"patients": records}, REFERENCE, tmp_path)
