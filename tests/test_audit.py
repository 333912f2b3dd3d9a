"""The audit bites: each expectation sees what it guards corrupted, and good data passes."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import pytest

from salvage import build
from salvage.audit import AuditResult, load_suites, run_audit, run_suites
from salvage.build import BuildResult, dbt_build
from salvage.gate import load_folder
from salvage.project import DEMO_DIR, PROJECT_DIR, public_marts
from tests.corruption import cases, let_marts_hold_null, undone
from tests.harness import Warehouse
from tests.oracle.strategies import Cohort, seeded_cohort

SUITES = load_suites()
# A suite of its own for each expectation.
GUARDS = {
    entry.name: replace(suite, expectations=(entry,))
    for suite in SUITES
    for entry in suite.expectations
}

# What each expectation must catch, on the demo. Of P001 to P019, the analysis set: P001, P004 and
# P013 lose their remission, P003 to new rescue, P011 by death, P002's is censored, P007 has none.
# P008 has a second acute salvage; P029 to P031 have an episode that a rule keeps out.
CORRUPTIONS: dict[str, list[str]] = {
    # analysis_set
    "patient_is_counted_once": [
        "update fct_salvage_episodes set is_in_analysis_set = true where patient_id = 'P008'",
    ],
    "counted_episode_is_the_first": [
        "update fct_salvage_episodes set is_in_analysis_set = not is_in_analysis_set"
        " where patient_id = 'P008'",
    ],
    "counted_episode_is_acute_salvage": [
        "update fct_salvage_episodes set salvage_class = 'delayed_switch'"
        " where patient_id = 'P001'",
    ],
    "gap_is_salvage_start_minus_failed_end": [
        "update fct_salvage_episodes set gap_days = gap_days + 1 where patient_id = 'P001'",
        "update fct_salvage_episodes set gap_days = null where patient_id = 'P001'",
    ],
    "salvage_begins_within_its_window": [
        "update fct_salvage_episodes set is_in_analysis_set = true where patient_id = 'P030'",
    ],
    "drugs_overlap_no_more_than_allowed": [
        "update fct_salvage_episodes set is_in_analysis_set = true where patient_id = 'P031'",
    ],
    "failed_drug_failed_where_asked": [
        "update fct_salvage_episodes set is_in_analysis_set = true where patient_id = 'P029'",
        "update fct_salvage_episodes set is_first_drug_failed = null where patient_id = 'P001'",
    ],
    "failed_era_is_the_latest_before_salvage": [
        "update fct_salvage_episodes set failed_era_start_date = failed_era_start_date - 1"
        " where patient_id = 'P001'",
        "update fct_salvage_episodes set failed_era_end_date = null where patient_id = 'P001'",
    ],
    "salvage_era_is_a_drug_era": [
        "update fct_salvage_episodes set salvage_end_date = salvage_end_date + 1"
        " where patient_id = 'P001'",
        "delete from fct_drug_eras where patient_id = 'P001'",
    ],
    "salvage_lies_within_observation": [
        "update dim_patients set observation_end_date = date '2001-10-07'"
        " where patient_id = 'P001'",
        "update dim_patients set observation_end_date = null where patient_id = 'P001'",
    ],
    "patient_is_refractory_where_asked": [
        "update dim_patients set steroid_refractory = false where patient_id = 'P001'",
        "update dim_patients set steroid_refractory = null where patient_id = 'P001'",
    ],
    "patient_has_a_diagnosis_where_asked": [
        "update dim_patients set diagnosis = null where patient_id = 'P001'",
    ],
    # remissions
    "remission_is_asked_of_analysis_episodes_only": [
        "update fct_remissions set arm_id = 'csa_after_ifx' where patient_id = 'P001'",
        "update fct_remissions set salvage_start_date = null where patient_id = 'P001'",
        "update fct_remissions set patient_id = 'P029' where patient_id = 'P001'",
    ],
    "remission_is_known": [
        "update fct_remissions set is_remission = null where patient_id = 'P001'",
    ],
    "remission_has_all_its_dates": [
        "update fct_remissions set is_remission = true where patient_id = 'P007'",
        *(
            f"update fct_remissions set {column} = null where patient_id = 'P001'"
            for column in (
                "remission_start_date",
                "remission_end_date",
                "is_censored",
                "duration_days",
                "duration_months",
            )
        ),
    ],
    "no_remission_has_no_dates": [
        "update fct_remissions set is_remission = false where patient_id = 'P001'",
        "update fct_remissions set loss_reason = 'relapse' where patient_id = 'P007'",
    ],
    "remission_starts_on_or_after_salvage": [
        "update fct_remissions set remission_start_date = salvage_start_date - 1"
        " where patient_id = 'P001'",
    ],
    "remission_starts_within_its_window": [
        "update fct_remissions set remission_start_date = salvage_start_date + 91"
        " where patient_id = 'P001'",
    ],
    "remission_lasts_at_least_zero_days": [
        "update fct_remissions set duration_days = -1 where patient_id = 'P001'",
    ],
    "duration_is_end_minus_start": [
        "update fct_remissions set duration_days = duration_days + 1 where patient_id = 'P001'",
        "update fct_remissions set duration_days = null where patient_id = 'P001'",
    ],
    "months_are_days_of_the_protocols_length": [
        "update fct_remissions set duration_months = duration_days / 30 where patient_id = 'P001'",
        "update fct_remissions set duration_months = null where patient_id = 'P001'",
    ],
    "remission_is_censored_iff_not_lost": [
        "update fct_remissions set is_censored = true where patient_id = 'P001'",
        "update fct_remissions set is_censored = false where patient_id = 'P002'",
        "update fct_remissions set is_censored = null where patient_id = 'P001'",
        "update fct_remissions set loss_reason = null where patient_id = 'P001'",
    ],
    "loss_has_a_known_reason": [
        "update fct_remissions set loss_reason = 'lost' where patient_id = 'P001'",
    ],
    "loss_comes_after_remission_starts": [
        "update fct_remissions set remission_end_date = remission_start_date"
        " where patient_id = 'P001'",
    ],
    "censored_remission_ends_with_observation": [
        "update fct_remissions set remission_end_date = remission_end_date - 1"
        " where patient_id = 'P002'",
    ],
    "loss_but_death_is_seen_under_observation": [
        "update fct_remissions set remission_end_date = date '2002-05-07'"
        " where patient_id = 'P001'",
    ],
    "no_remission_outlives_its_patient": [
        "update dim_patients set death_date = date '2005-12-18' where patient_id = 'P002'",
    ],
    "remission_ending_on_day_of_death_is_lost_by_death": [
        "update fct_remissions set loss_reason = 'relapse' where patient_id = 'P011'",
        "update fct_remissions set loss_reason = 'death' where patient_id = 'P001'",
        "update dim_patients set death_date = null where patient_id = 'P011'",
    ],
    "no_remission_goes_on_under_new_rescue": [
        "update fct_remissions set remission_end_date = remission_end_date + 1"
        " where patient_id = 'P003'",
    ],
    "loss_by_new_rescue_is_on_its_day": [
        "update fct_remissions set remission_end_date = remission_end_date - 1"
        " where patient_id = 'P003'",
        "update fct_remissions set loss_reason = 'new_rescue_therapy' where patient_id = 'P001'",
    ],
    "new_rescue_is_a_loss": [
        "update fct_remissions set loss_reason = 'relapse' where patient_id = 'P003'",
        "update fct_remissions set loss_reason = null, is_censored = true"
        " where patient_id = 'P003'",
    ],
    # remission_by_arm
    "every_arm_has_its_remission_row": [
        "delete from agg_remission_by_arm where arm_id = 'ifx_after_csa'",
        "delete from agg_remission_by_arm where arm_id = 'all'",
    ],
    "no_remission_row_without_an_arm": [
        "insert into agg_remission_by_arm select * replace ('other' as arm_id)"
        " from agg_remission_by_arm where arm_id = 'all'",
    ],
    "remission_patients_are_recounted": [
        "update agg_remission_by_arm set n_patients = n_patients + 1"
        " where arm_id = 'ifx_after_csa'",
        "update agg_remission_by_arm set n_patients = null where arm_id = 'ifx_after_csa'",
    ],
    "remissions_are_recounted": [
        "update agg_remission_by_arm set n_remissions = n_remissions - 1"
        " where arm_id = 'ifx_after_csa'",
        "update agg_remission_by_arm set n_remissions = null where arm_id = 'ifx_after_csa'",
    ],
    "remissions_of_arms_sum_to_all": [
        "update agg_remission_by_arm set n_patients = n_patients + 1 where arm_id = 'all'",
        "update agg_remission_by_arm set n_remissions = null where arm_id = 'all'",
    ],
    "no_arm_has_more_remissions_than_patients": [
        "update agg_remission_by_arm set n_remissions = n_patients + 1",
    ],
    "remission_rate_is_a_fraction": [
        "update agg_remission_by_arm set remission_rate = 100 * remission_rate",
        "update agg_remission_by_arm set remission_rate = -remission_rate",
    ],
    "remission_rate_is_events_over_patients": [
        "update agg_remission_by_arm set remission_rate = 0.41 where arm_id = 'ifx_after_csa'",
        "update agg_remission_by_arm set remission_rate = null where arm_id = 'ifx_after_csa'",
    ],
    "remission_interval_is_there_iff_patients_are": [
        "update agg_remission_by_arm set wilson_low = null where arm_id = 'all'",
        "update agg_remission_by_arm set wilson_high = null where arm_id = 'all'",
    ],
    "remission_interval_has_no_bound_without_patients": [
        "update agg_remission_by_arm set n_patients = 0 where arm_id = 'all'",
        "update agg_remission_by_arm set n_patients = 0, wilson_low = null where arm_id = 'all'",
    ],
    "remission_interval_starts_at_zero_or_above": [
        "update agg_remission_by_arm set wilson_low = -0.01 where arm_id = 'all'",
    ],
    "remission_interval_ends_at_one_or_below": [
        "update agg_remission_by_arm set wilson_high = 1.01 where arm_id = 'all'",
    ],
    "remission_rate_is_above_its_lower_bound": [
        "update agg_remission_by_arm set wilson_low = remission_rate + 0.01",
        "update agg_remission_by_arm set wilson_low = null",
    ],
    "remission_rate_is_below_its_upper_bound": [
        "update agg_remission_by_arm set wilson_high = remission_rate - 0.01",
        "update agg_remission_by_arm set wilson_high = null",
    ],
    "remission_lower_bound_is_wilsons": [
        "update agg_remission_by_arm set wilson_low = wilson_low + 1e-6 where arm_id = 'all'",
    ],
    "remission_upper_bound_is_wilsons": [
        "update agg_remission_by_arm set wilson_high = wilson_high - 1e-6 where arm_id = 'all'",
    ],
    "months_are_there_iff_remissions_are": [
        "update agg_remission_by_arm set mean_months = null where arm_id = 'all'",
        "update agg_remission_by_arm set min_months = null where arm_id = 'all'",
        "update agg_remission_by_arm set max_months = null where arm_id = 'all'",
    ],
    "no_months_without_remissions": [
        "update agg_remission_by_arm set n_remissions = 0 where arm_id = 'all'",
    ],
    "mean_months_are_recomputed": [
        "update agg_remission_by_arm set mean_months = mean_months + 1e-6 where arm_id = 'all'",
    ],
    "shortest_months_are_recomputed": [
        "update agg_remission_by_arm set min_months = min_months - 1 where arm_id = 'all'",
        "update agg_remission_by_arm set min_months = null where arm_id = 'all'",
    ],
    "longest_months_are_recomputed": [
        "update agg_remission_by_arm set max_months = max_months + 1 where arm_id = 'all'",
        "update agg_remission_by_arm set max_months = null where arm_id = 'all'",
    ],
    "mean_months_are_at_least_the_shortest": [
        "update agg_remission_by_arm set min_months = mean_months + 1 where arm_id = 'all'",
    ],
    "mean_months_are_at_most_the_longest": [
        "update agg_remission_by_arm set max_months = mean_months - 1 where arm_id = 'all'",
    ],
    # adverse_events
    "every_event_has_an_attribution": [
        "update fct_adverse_events set attribution = null where patient_id = 'P005'",
    ],
    "attribution_is_one_of_five": [
        "update fct_adverse_events set attribution = 'emergent' where patient_id = 'P005'",
    ],
    "event_is_of_an_accepted_patient": [
        "update fct_adverse_events set patient_id = 'nobody' where patient_id = 'P020'",
        "update fct_adverse_events set patient_id = null where patient_id = 'P020'",
    ],
    "seriousness_is_known": [
        "update fct_adverse_events set is_serious = null where patient_id = 'P010'",
    ],
    "fatality_is_known": [
        "update fct_adverse_events set is_fatal = null where patient_id = 'P010'",
    ],
    "fatal_event_is_a_serious_one": [
        "update fct_adverse_events set is_serious = false where patient_id = 'P005'",
    ],
    "severity_is_a_ctcae_grade": [
        "update fct_adverse_events set severity_grade = 0 where patient_id = 'P005'",
        "update fct_adverse_events set severity_grade = 6 where patient_id = 'P005'",
    ],
    "event_begins_under_observation": [
        "update fct_adverse_events set onset_date = date '2003-12-12' where patient_id = 'P005'",
    ],
    "event_is_in_the_arm_of_its_patient": [
        "update fct_adverse_events set arm_id = 'csa_after_ifx' where patient_id = 'P005'",
        "update fct_adverse_events set arm_id = null where patient_id = 'P005'",
        "update fct_adverse_events set arm_id = 'ifx_after_csa' where patient_id = 'P020'",
    ],
    "not_in_cohort_iff_patient_is_not_counted": [
        "update fct_adverse_events set attribution = 'not_in_cohort' where patient_id = 'P005'",
        "update fct_adverse_events set attribution = null where patient_id = 'P020'",
    ],
    "no_onset_date_iff_none_is_recorded": [
        "update fct_adverse_events set onset_date = null where patient_id = 'P005'",
        "update fct_adverse_events set attribution = 'no_onset_date' where patient_id = 'P005'",
        "update fct_adverse_events set attribution = null where patient_id = 'P019'",
    ],
    "before_salvage_iff_it_begins_before_salvage": [
        "update fct_adverse_events set onset_date = onset_date + 1 where patient_id = 'P018'",
        "update fct_adverse_events set attribution = 'before_salvage' where patient_id = 'P005'",
        "update fct_adverse_events set attribution = null where patient_id = 'P018'",
    ],
    "emergent_iff_it_begins_in_the_risk_window": [
        "update fct_adverse_events set attribution = 'treatment_emergent'"
        " where patient_id = 'P009'",
        "update fct_adverse_events set onset_date = date '2003-11-09' where patient_id = 'P005'",
        "update fct_adverse_events set onset_date = date '2003-12-12' where patient_id = 'P005'",
        "update fct_adverse_events set attribution = null where patient_id = 'P005'",
        "update fct_adverse_events set onset_date = null where patient_id = 'P005'",
    ],
    "after_risk_window_iff_it_begins_after_it": [
        "update fct_adverse_events set attribution = 'after_risk_window' where patient_id = 'P005'",
        "update fct_adverse_events set onset_date = onset_date - 1 where patient_id = 'P009'",
        "update fct_adverse_events set attribution = null where patient_id = 'P009'",
    ],
    # adverse_events_by_arm
    "every_arm_has_its_safety_row": [
        "delete from agg_adverse_events_by_arm where arm_id = 'ifx_after_csa'",
        "delete from agg_adverse_events_by_arm where arm_id = 'all'",
    ],
    "no_safety_row_without_an_arm": [
        "insert into agg_adverse_events_by_arm select * replace ('other' as arm_id)"
        " from agg_adverse_events_by_arm where arm_id = 'all'",
    ],
    "safety_patients_are_recounted": [
        "update agg_adverse_events_by_arm set n_patients = n_patients + 1"
        " where arm_id = 'ifx_after_csa'",
        "update agg_adverse_events_by_arm set n_patients = null where arm_id = 'all'",
    ],
    "patients_with_serious_event_are_recounted": [
        "update agg_adverse_events_by_arm set n_patients_with_sae = n_patients_with_sae + 1"
        " where arm_id = 'ifx_after_csa'",
        "update fct_adverse_events set is_serious = false where patient_id = 'P014'",
        "update agg_adverse_events_by_arm set n_patients_with_sae = null where arm_id = 'all'",
    ],
    "serious_events_are_recounted": [
        "update agg_adverse_events_by_arm set n_sae_events = n_sae_events + 1",
        "update fct_adverse_events set is_serious = false where adverse_event_id = 'AE-P015-02'",
        "update agg_adverse_events_by_arm set n_sae_events = null where arm_id = 'all'",
    ],
    "deaths_are_recounted": [
        "update agg_adverse_events_by_arm set n_deaths = 0 where arm_id = 'ifx_after_csa'",
        "update fct_adverse_events set is_fatal = true where patient_id = 'P014'",
        "update agg_adverse_events_by_arm set n_deaths = null where arm_id = 'all'",
    ],
    "days_at_risk_are_recounted": [
        "update agg_adverse_events_by_arm set person_days = person_days - 1"
        " where arm_id = 'ifx_after_csa'",
        "update fct_adverse_events set onset_date = onset_date + 1 where patient_id = 'P005'",
        "update agg_adverse_events_by_arm set person_days = null where arm_id = 'all'",
    ],
    "safety_counts_of_arms_sum_to_all": [
        f"update agg_adverse_events_by_arm set {column} = {value} where arm_id = 'all'"
        for column in (
            "n_patients",
            "n_patients_with_sae",
            "n_sae_events",
            "n_deaths",
            "person_days",
        )
        for value in (f"{column} + 1", "null")
    ],
    "no_arm_has_more_patients_with_serious_event_than_patients": [
        "update agg_adverse_events_by_arm set n_patients_with_sae = n_patients + 1",
    ],
    "no_arm_has_fewer_serious_events_than_patients_with_one": [
        "update agg_adverse_events_by_arm set n_sae_events = n_patients_with_sae - 1",
    ],
    "no_arm_has_more_deaths_than_patients_with_serious_event": [
        "update agg_adverse_events_by_arm set n_deaths = n_patients_with_sae + 1",
    ],
    "every_counted_patient_is_at_risk_for_a_day": [
        "update agg_adverse_events_by_arm set person_days = n_patients - 1",
    ],
    "serious_event_rate_is_a_fraction": [
        "update agg_adverse_events_by_arm set sae_rate = 100 * sae_rate",
        "update agg_adverse_events_by_arm set sae_rate = -sae_rate",
    ],
    "serious_event_rate_is_events_over_patients": [
        "update agg_adverse_events_by_arm set sae_rate = 0.11 where arm_id = 'ifx_after_csa'",
        "update agg_adverse_events_by_arm set sae_rate = null where arm_id = 'ifx_after_csa'",
    ],
    "serious_event_interval_is_there_iff_patients_are": [
        "update agg_adverse_events_by_arm set wilson_low = null where arm_id = 'all'",
        "update agg_adverse_events_by_arm set wilson_high = null where arm_id = 'all'",
    ],
    "serious_event_interval_has_no_bound_without_patients": [
        "update agg_adverse_events_by_arm set n_patients = 0 where arm_id = 'all'",
        "update agg_adverse_events_by_arm set n_patients = 0, wilson_low = null"
        " where arm_id = 'all'",
    ],
    "serious_event_interval_starts_at_zero_or_above": [
        "update agg_adverse_events_by_arm set wilson_low = -0.01 where arm_id = 'all'",
    ],
    "serious_event_interval_ends_at_one_or_below": [
        "update agg_adverse_events_by_arm set wilson_high = 1.01 where arm_id = 'all'",
    ],
    "serious_event_rate_is_above_its_lower_bound": [
        "update agg_adverse_events_by_arm set wilson_low = sae_rate + 0.01",
        "update agg_adverse_events_by_arm set wilson_low = null",
    ],
    "serious_event_rate_is_below_its_upper_bound": [
        "update agg_adverse_events_by_arm set wilson_high = sae_rate - 0.01",
        "update agg_adverse_events_by_arm set wilson_high = null",
    ],
    "serious_event_lower_bound_is_wilsons": [
        "update agg_adverse_events_by_arm set wilson_low = wilson_low + 1e-6 where arm_id = 'all'",
    ],
    "serious_event_upper_bound_is_wilsons": [
        "update agg_adverse_events_by_arm set wilson_high = wilson_high - 1e-6"
        " where arm_id = 'all'",
    ],
    "incidence_is_there_iff_days_at_risk_are": [
        "update agg_adverse_events_by_arm set rate_per_100_person_years = null"
        " where arm_id = 'all'",
        "update agg_adverse_events_by_arm set person_days = 0 where arm_id = 'all'",
    ],
    "incidence_is_recomputed": [
        "update agg_adverse_events_by_arm"
        " set rate_per_100_person_years = rate_per_100_person_years * 365 / 365.25",
    ],
    # reconciliation
    "attrition_has_its_seven_steps": [
        "delete from agg_cohort_attrition where step_number = 3",
        "delete from agg_cohort_attrition",
    ],
    "attrition_starts_with_all_patients": [
        "update agg_cohort_attrition set n_remaining = n_remaining + 1 where step_number = 1",
        "delete from dim_patients where patient_id = 'P043'",
    ],
    "attrition_ends_with_the_analysis_set": [
        "update agg_cohort_attrition set n_remaining = n_remaining - 1 where step_number = 7",
        "update agg_cohort_attrition set n_remaining = null where step_number = 7",
        "update fct_salvage_episodes set is_in_analysis_set = null where patient_id = 'P001'",
    ],
    "attrition_steps_balance": [
        "update agg_cohort_attrition set n_excluded = n_excluded + 1 where step_number = 1",
        "update agg_cohort_attrition set n_excluded = n_excluded - 1 where step_number = 5",
        "update agg_cohort_attrition set n_excluded = null where step_number = 5",
        "update agg_cohort_attrition set n_remaining = null where step_number = 5",
    ],
    "analysis_set_has_one_episode_a_patient": [
        "update fct_salvage_episodes set is_in_analysis_set = true where patient_id = 'P008'",
        "update fct_salvage_episodes set patient_id = null where patient_id = 'P001'",
    ],
    "remission_is_judged_once_an_episode": [
        "delete from fct_remissions where patient_id = 'P001'",
        "insert into fct_remissions from fct_remissions where patient_id = 'P001'",
        "update fct_remissions set protocol_id = null where patient_id = 'P001'",
    ],
    "no_episode_without_remission_row_or_the_reverse": [
        "update fct_remissions set patient_id = 'P029' where patient_id = 'P001'",
        "update fct_remissions set salvage_start_date = null where patient_id = 'P001'",
    ],
    "remission_mart_counts_the_analysis_set": [
        "update agg_remission_by_arm set n_patients = n_patients + 1 where arm_id = 'all'",
        "update agg_remission_by_arm set n_patients = null where arm_id = 'all'",
    ],
    "safety_mart_counts_the_analysis_set": [
        "update agg_adverse_events_by_arm set n_patients = n_patients + 1 where arm_id = 'all'",
        "update agg_adverse_events_by_arm set n_patients = null where arm_id = 'all'",
    ],
    "every_accepted_event_is_attributed": [
        "delete from fct_adverse_events where patient_id = 'P020'",
        "update fct_adverse_events set protocol_id = null where patient_id = 'P020'",
        "delete from dq_row_ledger where table_name = 'adverse_events'",
    ],
    "every_event_is_attributed_once": [
        "update fct_adverse_events set adverse_event_id = 'AE-P005-01' where patient_id = 'P020'",
        "update fct_adverse_events set adverse_event_id = null where patient_id = 'P020'",
    ],
    # row_accounting
    "records_are_accepted_collapsed_or_quarantined": [
        "update dq_row_ledger set n_records = n_records + 1 where table_name = 'procedures'",
        "update dq_row_ledger set n_collapsed = null where table_name = 'procedures'",
    ],
    "every_quarantined_record_is_listed": [
        "update dq_row_ledger set n_quarantined = 1 where table_name = 'procedures'",
        "update dq_row_ledger set n_quarantined = null where table_name = 'procedures'",
    ],
    "marts_rest_on_every_accepted_record": [
        "delete from dim_patients where patient_id = 'P043'",
        "update fct_drug_eras set n_exposures = n_exposures + 1 where patient_id = 'P001'",
        "delete from dq_unmapped_names where table_name = 'drug_exposures'",
        "delete from fct_adverse_events where patient_id = 'P020'",
        "update dq_row_ledger set n_accepted = null where table_name = 'patients'",
    ],
}
CASES = cases(CORRUPTIONS)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, BuildResult]:
    """The demo's private warehouse, built as `salvage run` builds it."""
    folder = tmp_path_factory.mktemp("demo")
    path = folder / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        load_folder(DEMO_DIR, connection, warn=lambda _: None, show_progress=False)
    return path, dbt_build(path, folder, {"data_cutoff_date": ""}, show_progress=False)


@pytest.fixture(scope="module")
def corruptible(
    demo: tuple[Path, BuildResult], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A copy of the warehouse whose marts may hold anything, NULL too."""
    path = tmp_path_factory.mktemp("corruptible") / "warehouse.duckdb"
    shutil.copy(demo[0], path)
    with duckdb.connect(str(path)) as connection:
        let_marts_hold_null(connection)
        connection.execute("set search_path = 'marts'")
        yield connection


def test_every_expectation_has_a_name_of_its_own_and_a_corruption() -> None:
    assert len(GUARDS) == sum(len(suite.expectations) for suite in SUITES)
    assert set(CORRUPTIONS) == set(GUARDS)


def test_no_expectation_bites_on_the_demo(corruptible: duckdb.DuckDBPyConnection) -> None:
    results = run_suites(corruptible, SUITES)
    assert [failure for result in results for failure in result.failures] == []
    # Not one was asked of nothing.
    assert all(outcome.n_checked for result in results for outcome in result.outcomes)


@pytest.mark.parametrize(("guard", "corruption"), CASES)
def test_expectation_bites(
    corruptible: duckdb.DuckDBPyConnection, guard: str, corruption: str
) -> None:
    with undone(corruptible):
        corruptible.execute(corruption)
        [result] = run_suites(corruptible, [GUARDS[guard]])
    assert not result.problem
    [outcome] = result.outcomes
    assert outcome.n_wrong


def test_frames_hold_no_patient(corruptible: duckdb.DuckDBPyConnection) -> None:
    """Facts only: whole and decimal numbers, yes or no, and words of the protocol."""
    words = {"arm_id", "episode_arm_id", "attribution", "loss_reason", "salvage_class"}
    for suite in SUITES:
        for name, kind, *_ in corruptible.execute(f"describe {suite.query}").fetchall():
            assert not re.match("DATE|TIMESTAMP|BLOB", kind), (suite.name, name)
            assert kind != "VARCHAR" or name in words, (suite.name, name)


@pytest.mark.parametrize("seed", range(4))
def test_audit_passes_on_every_accepted_input(warehouse: Warehouse, seed: int) -> None:
    """Studies with protocols of their own, dense around every boundary; some records are dirty."""
    assert audited(warehouse, seeded_cohort(seed, 40, dirty=seed % 2 == 1)) == []


@pytest.mark.parametrize("without", ["disease_assessments", "adverse_events"])
def test_audit_passes_without_an_optional_file(warehouse: Warehouse, without: str) -> None:
    cohort = seeded_cohort(1, 20)
    tables = {name: records for name, records in cohort.tables.items() if name != without}
    assert audited(warehouse, cohort._replace(tables=tables)) == []


def test_audit_passes_without_anybody_in_the_analysis_set(warehouse: Warehouse) -> None:
    cohort = seeded_cohort(1, 20)
    for protocol in cohort.reference["protocols"]:
        protocol["diagnosis"] = "a disease that nobody has"
    assert audited(warehouse, cohort, n_analysis_episodes=0) == []


def audited(
    warehouse: Warehouse, cohort: Cohort, n_analysis_episodes: int | None = None
) -> list[str]:
    """Build a cohort in memory and return what the audit finds."""
    with undone(warehouse.connection):
        warehouse.load(cohort.tables, cohort.reference)
        warehouse.run(warehouse.project.models, cohort.data_cutoff_date)
        found = len(warehouse.rows("fct_remissions"))
        assert found == n_analysis_episodes if n_analysis_episodes is not None else found
        results = run_suites(warehouse.connection, SUITES)
        return [failure for result in results for failure in result.failures]


class Page(HTMLParser):
    """What a page says, what it points to, and how it is laid out."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.text = ""
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data

    def values(self, *names: str) -> list[str]:
        return [value for _, name, value in self.attributes if name in names]


def test_audit_of_the_demo_passes_and_its_page_says_so(
    demo: tuple[Path, BuildResult], tmp_path: Path
) -> None:
    before = demo[0].read_bytes()
    _, build = demo
    n_expectations = sum(len(suite.expectations) for suite in SUITES)
    assert run_audit(*demo, tmp_path / "data_docs") == AuditResult(
        passed=True, failures=[], n_checks=len(build.tests) + n_expectations
    )
    assert demo[0].read_bytes() == before
    assert [path.name for path in (tmp_path / "data_docs").iterdir()] == ["index.html"]
    page = Page(tmp_path / "data_docs" / "index.html")
    words = " ".join(page.text.split())
    assert f"The audit passed: all {len(GUARDS)} expectations and all" in words
    assert "DOES NOT HOLD" not in words
    for suite in SUITES:
        assert " ".join(suite.description.split()) in words
        for entry in suite.expectations:
            assert " ".join(entry.meaning.split()) in words and entry.name in words


def test_page_needs_nothing_but_itself_and_can_be_read_by_everyone(
    demo: tuple[Path, BuildResult], tmp_path: Path
) -> None:
    run_audit(*demo, tmp_path)
    page = Page(tmp_path / "index.html")
    assert not {"script", "img", "iframe", "object", "embed", "base"} & set(page.tags)
    assert all(value.startswith(("#", "data:")) for value in page.values("href", "src", "srcset"))
    style = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "url(" not in style and "@import" not in style and "@media print" in style
    assert "default-src 'none'" in " ".join(page.values("content"))
    assert ("html", "lang", "en") in page.attributes
    assert page.tags.count("h1") == 1 and {"title", "main", "h2", "h3"} <= set(page.tags)
    assert page.tags.count("caption") == page.tags.count("table") == len(SUITES) + 2
    assert all(value in ("row", "col") for value in page.values("scope"))
    assert page.tags.count("th") == len(page.values("scope"))
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    named = page.values("aria-labelledby") + [value[1:] for value in page.values("href")[1:]]
    assert set(named) <= set(ids)


def test_failed_audit_names_guards_and_no_patient(
    demo: tuple[Path, BuildResult], tmp_path: Path
) -> None:
    shutil.copy(demo[0], tmp_path / "warehouse.duckdb")
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute(
            "update marts.fct_remissions set duration_days = -77 where patient_id = 'P001'"
        )
    test = build.TestResult("remission_lasts", "A remission lasts <0 days & more.", False, 1)
    broken = BuildResult([*demo[1].tests, test], ["int_remissions: Runtime Error"])
    audit = run_audit(tmp_path / "warehouse.duckdb", broken, tmp_path)
    assert not audit.passed
    said = "\n".join(audit.failures)
    assert "remissions: remission_lasts_at_least_zero_days does not hold in 1 of 7 rows." in said
    assert "No remission has a negative duration." in said
    assert "dbt test remission_lasts does not hold (1 rows)" in said
    assert "dbt: int_remissions: Runtime Error" in said
    page = Page(tmp_path / "index.html")
    assert "The audit failed and nothing was published" in page.text
    assert "DOES NOT HOLD" in page.text and test.description in page.text
    for failure in audit.failures:
        assert failure in page.text
    for text in (said, page.text):
        assert "77" not in text and not re.search(r"\bP0\d\d\b", text)


def test_suite_without_its_marts_is_a_failure_and_no_traceback(
    demo: tuple[Path, BuildResult], tmp_path: Path
) -> None:
    shutil.copy(demo[0], tmp_path / "warehouse.duckdb")
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("drop table marts.fct_adverse_events")
    audit = run_audit(tmp_path / "warehouse.duckdb", demo[1], tmp_path)
    missing = "not checked, since a table that it reads was not built."
    assert audit.failures == [
        f"adverse_events: {missing}",
        f"adverse_events_by_arm: {missing}",
        f"reconciliation: {missing}",
        f"row_accounting: {missing}",
    ]
    page = Page(tmp_path / "index.html")
    assert "NOT CHECKED" in page.text


def test_failing_query_is_a_failure_that_repeats_no_value(
    demo: tuple[Path, BuildResult], tmp_path: Path
) -> None:
    shutil.copy(demo[0], tmp_path / "warehouse.duckdb")
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("alter table marts.agg_cohort_attrition alter n_remaining type varchar")
        connection.execute("update marts.agg_cohort_attrition set n_remaining = 'secret'")
    audit = run_audit(tmp_path / "warehouse.duckdb", demo[1], tmp_path)
    assert audit.failures == [
        "reconciliation: not checked, since its query failed (BinderException)."
    ]
    assert "secret" not in Page(tmp_path / "index.html").text


def test_audit_without_a_warehouse_checks_nothing_and_fails(tmp_path: Path) -> None:
    audit = run_audit(tmp_path / "none.duckdb", BuildResult([], []), tmp_path / "docs")
    assert not audit.passed
    assert len(audit.failures) == len(SUITES)
    assert (tmp_path / "docs" / "index.html").is_file()


def test_suites_read_the_marts_and_the_rules_only() -> None:
    """Never the intermediate step that made what they check."""
    allowed = {f"marts.{name}" for name in public_marts()} | {
        "intermediate.int_protocols",
        "intermediate.int_protocol_arms",
        "intermediate.int_ingredients",
    }
    for suite in SUITES:
        read = set(re.findall(r"\b(?:marts|intermediate)\.(?:dim|fct|agg|dq|int)_\w+", suite.query))
        assert read and read <= allowed, suite.name


def test_expectations_are_listed_in_their_readme() -> None:
    readme = (PROJECT_DIR / "expectations" / "README.md").read_text(encoding="utf-8")
    for suite in SUITES:
        assert f"| `{suite.name}` |" in readme
