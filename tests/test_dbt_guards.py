"""The dbt data tests bite: each sees what it guards corrupted, NULL where none is allowed too.

Guards are the tests on the marts and on the reference seeds, and the singular ones in tests/dbt,
but for those of macros.
What is run is the SQL that dbt compiled for them.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
import pytest

from salvage.build import run_dbt
from tests.corruption import cases, let_marts_hold_null, undone

# What a generic test must catch in one row of its table. `{key}`: once for each of its columns.
CORRUPTIONS_BY_TYPE: dict[str, list[str]] = {
    "not_null": ["update {table} set {column} = null where {last}"],
    "unique": ["insert into {table} select * from {table} where {last}"],
    "relationships": ["update {table} set {column} = 'nowhere' where {last}"],
    "one_of": [
        "update {table} set {column} = 'no such value' where {last}",
        "update {table} set {column} = '' where {last}",
        "update {table} set {column} = null where {last}",
    ],
    "unique_together": [
        "insert into {table} select * from {table} where {last}",
        "update {table} set {key} = null where {last}",
    ],
}

# A first row for the table that is empty in the demo.
QUARANTINED = (
    "insert into dq_quarantine values"
    " ('procedures', 'procedures.csv', 'a1b2', 3, 'bad_date', 'procedure_date')"
)

OWN_DEFINITION = "is_protocol_definition and arm_id = 'all'"

# What a test must catch that is not of these types.
CORRUPTIONS: dict[str, list[str]] = {
    # fct_drug_eras
    "era_does_not_end_before_it_starts": [
        "update fct_drug_eras set era_end_date = era_start_date - 1 where patient_id = 'P001'",
        "update fct_drug_eras set era_end_date = null where patient_id = 'P001'",
        "update fct_drug_eras set era_start_date = null where patient_id = 'P001'",
    ],
    "era_has_exposures": [
        "update fct_drug_eras set n_exposures = 0 where patient_id = 'P001'",
        "update fct_drug_eras set n_exposures = null where patient_id = 'P001'",
    ],
    "era_has_a_mapped_ingredient": [
        "update fct_drug_eras set ingredient = 'unmapped' where patient_id = 'P001'",
        "update fct_drug_eras set ingredient = null where patient_id = 'P001'",
    ],
    # fct_salvage_episodes
    "salvage_starts_after_failed_era_starts": [
        "update fct_salvage_episodes set failed_era_start_date = salvage_start_date"
        " where patient_id = 'P001'",
        "update fct_salvage_episodes set failed_era_start_date = null where patient_id = 'P001'",
        "update fct_salvage_episodes set salvage_start_date = null where patient_id = 'P001'",
    ],
    "analysis_episode_is_acute_salvage": [
        "update fct_salvage_episodes set salvage_class = 'concomitant' where patient_id = 'P001'",
        "update fct_salvage_episodes set salvage_class = null where patient_id = 'P001'",
        "update fct_salvage_episodes set is_in_analysis_set = true where patient_id = 'P030'",
        "update fct_salvage_episodes set is_in_analysis_set = null where patient_id = 'P030'",
    ],
    # agg_cohort_attrition
    "nobody_is_excluded_below_zero": [
        "update agg_cohort_attrition set n_excluded = -1 where step_number = 3",
        "update agg_cohort_attrition set n_remaining = -1 where step_number = 3",
        "update agg_cohort_attrition set n_excluded = null where step_number = 3",
        "update agg_cohort_attrition set n_remaining = null where step_number = 3",
    ],
    # fct_remissions
    "remission_has_all_its_dates": [
        "update fct_remissions set is_remission = true where patient_id = 'P007'",
        "update fct_remissions set is_remission = null where patient_id = 'P007'",
        *(
            f"update fct_remissions set {column} = null where patient_id = 'P001'"
            for column in (
                "remission_start_date",
                "remission_end_date",
                "duration_days",
                "is_censored",
            )
        ),
    ],
    "no_remission_has_no_dates": [
        "update fct_remissions set is_remission = false where patient_id = 'P001'",
        "update fct_remissions set is_remission = null where patient_id = 'P001'",
        *(
            f"update fct_remissions set {column} = {value} where patient_id = 'P007'"
            for column, value in {
                "remission_start_date": "date '2005-05-01'",
                "remission_end_date": "date '2005-05-01'",
                "loss_reason": "'relapse'",
                "is_censored": "false",
                "duration_days": "0",
                "duration_months": "0",
            }.items()
        ),
    ],
    "remission_is_censored_iff_not_lost": [
        "update fct_remissions set is_censored = true where patient_id = 'P001'",
        "update fct_remissions set is_censored = false where patient_id = 'P002'",
        "update fct_remissions set is_censored = null where patient_id = 'P001'",
        "update fct_remissions set loss_reason = null where patient_id = 'P001'",
        "update fct_remissions set is_remission = null where patient_id = 'P007'",
    ],
    "remission_lasts_at_least_zero_days": [
        "update fct_remissions set duration_days = -1 where patient_id = 'P001'",
        "update fct_remissions set duration_days = null where patient_id = 'P001'",
        "update fct_remissions set is_remission = null where patient_id = 'P007'",
    ],
    "remission_starts_on_or_after_salvage": [
        "update fct_remissions set remission_start_date = salvage_start_date - 1"
        " where patient_id = 'P001'",
        "update fct_remissions set remission_start_date = null where patient_id = 'P001'",
        "update fct_remissions set salvage_start_date = null where patient_id = 'P001'",
        "update fct_remissions set is_remission = null where patient_id = 'P007'",
    ],
    # agg_remission_by_arm
    "remissions_are_at_most_patients": [
        "update agg_remission_by_arm set n_remissions = n_patients + 1 where arm_id = 'all'",
        "update agg_remission_by_arm set n_remissions = -1 where arm_id = 'all'",
        "update agg_remission_by_arm set n_remissions = null where arm_id = 'all'",
        "update agg_remission_by_arm set n_patients = null where arm_id = 'all'",
    ],
    "remission_rate_is_within_its_exact_interval": [
        f"update agg_remission_by_arm set {change} where arm_id = 'all'"
        for change in (
            "remission_rate = exact_low - 0.01",
            "remission_rate = exact_high + 0.01",
            "exact_low = -0.01",
            "exact_high = 1.01",
            "remission_rate = null",
            "exact_low = null",
            "exact_high = null",
            "n_patients = null, remission_rate = null",
        )
    ],
    "remission_rate_is_within_its_interval": [
        f"update agg_remission_by_arm set {change} where arm_id = 'all'"
        for change in (
            "remission_rate = wilson_low - 0.01",
            "remission_rate = wilson_high + 0.01",
            "wilson_low = -0.01",
            "wilson_high = 1.01",
            "remission_rate = null",
            "wilson_low = null",
            "wilson_high = null",
            "n_patients = null, remission_rate = null",
        )
    ],
    # agg_remission_survival and agg_colectomy_free_survival
    **{
        f"{outcome}_{guard}": [
            f"update agg_{mart} set {change} where arm_id = 'all' and duration_days = {day}"
            for change in changes
        ]
        for outcome, mart, day in (
            ("remission", "remission_survival", 134),
            ("colectomy_free", "colectomy_free_survival", 31),
        )
        for guard, changes in {
            "survival_is_within_its_interval": (
                "survival = ci_low - 0.01",
                "survival = ci_high + 0.01",
                "ci_low = -0.01",
                "ci_high = 1.01",
                "survival = null",
                "ci_low = null",
                "ci_high = null",
            ),
            "survival_is_a_fraction": ("survival = -0.1", "survival = 1.1", "survival = null"),
            "leaving_are_at_most_those_at_risk": (
                "n_events = n_at_risk + 1",
                "n_events = -1",
                "n_censored = -1",
                "n_events = null",
                "n_censored = null",
                "n_at_risk = null",
            ),
            "interval_is_missing_for_a_reason": ("interval_missing_reason = 'no_events'",),
        }.items()
    },
    # agg_remission_survival_grid
    "grid_survival_is_known_up_to_the_end_of_follow_up": [
        "update agg_remission_survival_grid set survival = null where arm_id = 'all'",
        "update agg_remission_survival_grid set survival = 0.5"
        " where interval_missing_reason = 'beyond_follow_up'",
    ],
    "grid_interval_is_missing_for_a_reason": [
        "update agg_remission_survival_grid set ci_low = null where ci_low is not null",
        "update agg_remission_survival_grid set ci_high = null where ci_high is not null",
        "update agg_remission_survival_grid set ci_low = 0 where duration_days = 0",
        "update agg_remission_survival_grid set ci_high = 1 where duration_days = 0",
        "update agg_remission_survival_grid set interval_missing_reason = null"
        " where duration_days = 0",
    ],
    # agg_remission_loss_incidence
    **{
        guard: [
            f"update agg_remission_loss_incidence set {change} where arm_id = 'all'"
            " and cause = 'remission_loss' and duration_days = 134"
            for change in changes
        ]
        for guard, changes in {
            "incidence_is_within_its_competing_interval": (
                "incidence = ci_low / 2",
                "incidence = ci_high + 0.01",
                "ci_low = -0.01",
                "ci_high = 1.01",
                "incidence = null",
                "ci_low = null",
                "ci_high = null",
            ),
            "incidence_is_a_fraction": ("incidence = -0.1", "incidence = 1.1", "incidence = null"),
            "incidence_interval_is_missing_for_a_reason": (
                "interval_missing_reason = 'no_events'",
            ),
        }.items()
    },
    "incidences_and_survival_add_up_to_one": [
        "update agg_remission_loss_incidence set incidence = incidence + 0.001"
        " where arm_id = 'all' and duration_days = 134 and cause = 'death'",
        "update agg_remission_loss_incidence set incidence = null"
        " where arm_id = 'all' and duration_days = 134 and cause = 'death'",
        "delete from agg_remission_loss_incidence"
        " where arm_id = 'all' and duration_days = 134 and cause = 'remission_loss'",
        "update agg_remission_survival set survival = null"
        " where arm_id = 'all' and duration_days = 134",
    ],
    # agg_survival_at_horizons
    **{
        guard: [
            f"update agg_survival_at_horizons set {change} where arm_id = '{arm}'"
            " and outcome = 'remission' and horizon_months = 24"
            for change in changes
        ]
        for guard, arm, changes in (
            (
                "survival_at_a_horizon_is_within_its_interval",
                "all",
                (
                    "survival = ci_low - 0.01",
                    "survival = ci_high + 0.01",
                    "survival = null",
                    "ci_low = null",
                    "ci_high = null",
                    "restricted_mean_days = restricted_mean_low_days - 1",
                    "restricted_mean_days = restricted_mean_high_days + 1",
                    "restricted_mean_days = null",
                    "restricted_mean_low_days = null",
                    "restricted_mean_high_days = null",
                ),
            ),
            (
                "restricted_mean_is_at_most_its_horizon",
                "all",
                (
                    "restricted_mean_days = horizon_days + 1",
                    "restricted_mean_days = -1",
                    "restricted_mean_days = null",
                    "horizon_days = null",
                    "missing_reason = 'no_events', restricted_mean_days = null",
                ),
            ),
            (
                "survival_behind_follow_up_is_unknown",
                "ifx_after_csa",
                (
                    "survival = 0.5",
                    "restricted_mean_days = 30",
                    "missing_reason = 'no_patients', survival = 0.5",
                ),
            ),
        )
    },
    # agg_arm_comparison
    "compared_arms_are_two": [
        "update agg_arm_comparison set other_arm_id = arm_id",
        "update agg_arm_comparison set other_arm_id = null",
        "update agg_arm_comparison set arm_id = null",
    ],
    "p_value_is_a_probability": [
        "update agg_arm_comparison set p_value = -0.1 where outcome = 'remission'",
        "update agg_arm_comparison set p_value = 1.1 where outcome = 'remission'",
        "update agg_arm_comparison set p_value = null where outcome = 'remission'",
    ],
    "p_value_is_missing_for_a_reason": [
        "update agg_arm_comparison set missing_reason = 'no_events' where outcome = 'remission'",
    ],
    "compared_events_are_at_most_patients": [
        f"update agg_arm_comparison set {change} where outcome = 'remission'"
        for change in (
            "n_events = n_patients + 1",
            "n_events = -1",
            "other_n_events = other_n_patients + 1",
            "other_n_events = -1",
            "n_events = null",
            "n_patients = null",
            "other_n_events = null",
            "other_n_patients = null",
        )
    ],
    "median_is_missing_for_a_reason": [
        "update agg_remission_by_arm set km_median_missing_reason = null where arm_id = 'all'",
        "update agg_remission_by_arm set km_median_high_months = 99 where arm_id = 'all'",
    ],
    # fct_adverse_events
    "fatal_event_is_serious": [
        "update fct_adverse_events set is_serious = false where patient_id = 'P005'",
        "update fct_adverse_events set is_serious = null where patient_id = 'P005'",
        "update fct_adverse_events set is_fatal = true where patient_id = 'P010'",
        "update fct_adverse_events set is_fatal = null where patient_id = 'P010'",
    ],
    "event_outside_the_cohort_has_no_arm": [
        "update fct_adverse_events set arm_id = 'ifx_after_csa' where patient_id = 'P020'",
        "update fct_adverse_events set arm_id = null where patient_id = 'P005'",
        "update fct_adverse_events set attribution = 'not_in_cohort' where patient_id = 'P005'",
        "update fct_adverse_events set attribution = null where patient_id = 'P020'",
    ],
    "event_without_onset_is_never_emergent": [
        "update fct_adverse_events set attribution = 'treatment_emergent'"
        " where patient_id = 'P019'",
        "update fct_adverse_events set attribution = null where patient_id = 'P019'",
        "update fct_adverse_events set onset_date = null where patient_id = 'P005'",
    ],
    # agg_adverse_events_by_arm
    "patients_with_sae_are_at_most_patients": [
        "update agg_adverse_events_by_arm set n_patients_with_sae = n_patients + 1"
        " where arm_id = 'all'",
        "update agg_adverse_events_by_arm set n_patients_with_sae = -1 where arm_id = 'all'",
        "update agg_adverse_events_by_arm set n_patients_with_sae = null where arm_id = 'all'",
        "update agg_adverse_events_by_arm set n_patients = null where arm_id = 'all'",
    ],
    "sae_rate_is_within_its_exact_interval": [
        f"update agg_adverse_events_by_arm set {change} where arm_id = 'all'"
        for change in (
            "sae_rate = exact_low - 0.01",
            "sae_rate = exact_high + 0.01",
            "exact_low = -0.01",
            "exact_high = 1.01",
            "sae_rate = null",
            "exact_low = null",
            "exact_high = null",
            "n_patients = null, sae_rate = null",
        )
    ],
    "incidence_is_within_its_interval": [
        f"update agg_adverse_events_by_arm set {change} where arm_id = 'all'"
        for change in (
            "rate_per_100_person_years = rate_low - 0.01",
            "rate_per_100_person_years = rate_high + 0.01",
            "rate_low = -0.01",
            "rate_per_100_person_years = null",
            "rate_low = null",
            "rate_high = null",
            "person_days = null, rate_low = null",
        )
    ],
    "sae_rate_is_within_its_interval": [
        f"update agg_adverse_events_by_arm set {change} where arm_id = 'all'"
        for change in (
            "sae_rate = wilson_low - 0.01",
            "sae_rate = wilson_high + 0.01",
            "wilson_low = -0.01",
            "wilson_high = 1.01",
            "sae_rate = null",
            "wilson_low = null",
            "wilson_high = null",
            "n_patients = null, sae_rate = null",
        )
    ],
    "deaths_are_at_most_patients_with_sae": [
        "update agg_adverse_events_by_arm set n_deaths = n_patients_with_sae + 1"
        " where arm_id = 'all'",
        "update agg_adverse_events_by_arm set n_deaths = -1 where arm_id = 'all'",
        "update agg_adverse_events_by_arm set n_deaths = null where arm_id = 'all'",
        "update agg_adverse_events_by_arm set n_patients_with_sae = null where arm_id = 'all'",
    ],
    "every_patient_is_at_risk_for_a_day": [
        "update agg_adverse_events_by_arm set person_days = n_patients - 1 where arm_id = 'all'",
        "update agg_adverse_events_by_arm set person_days = null where arm_id = 'all'",
        "update agg_adverse_events_by_arm set n_patients = null where arm_id = 'all'",
    ],
    # dq_row_ledger
    "every_record_is_accounted_for": [
        f"update dq_row_ledger set {change} where table_name = 'patients'"
        for change in (
            "n_records = n_records + 1",
            "n_records = null",
            "n_accepted = null",
            "n_collapsed = null",
            "n_quarantined = null",
        )
    ],
    "only_accepted_exposures_have_end_dates_cut": [
        f"update dq_row_ledger set {change} where table_name = 'drug_exposures'"
        for change in (
            "n_end_dates_cut = -1",
            "n_end_dates_cut = n_accepted + 1",
            "n_end_dates_cut = null",
            "n_accepted = null",
        )
    ],
    # agg_published_comparison
    "figure_that_matches_was_observed": [
        "update agg_published_comparison set observed_value = null where measure = 'n_deaths'",
    ],
    "only_the_reference_study_has_to_match": [
        "update agg_published_comparison set is_match = null where measure = 'n_deaths'",
        "update agg_published_comparison set is_match = false where study_id = 'manosa_2009'",
        "update agg_published_comparison set is_reference_study = true"
        " where study_id = 'manosa_2009'",
        "update agg_published_comparison set is_reference_study = null where measure = 'n_deaths'",
    ],
    "figure_without_an_observed_one_has_a_reason": [
        "update agg_published_comparison set observed_value = null where measure = 'n_deaths'",
        "update agg_published_comparison set not_compared_reason = 'no_patients'"
        " where measure = 'n_deaths'",
        "update agg_published_comparison set not_compared_reason = null"
        " where study_id = 'herrlinger_2010'",
        "update agg_published_comparison set observed_value = 1 where study_id = 'herrlinger_2010'",
    ],
    "published_rate_is_within_its_interval": [
        f"update agg_published_comparison set {change} where measure = 'n_deaths'"
        for change in (
            "published_rate = published_low - 0.01",
            "published_rate = published_high + 0.01",
            "published_low = -0.01",
            "published_high = 1.01",
            "published_rate = null",
            "published_low = null",
            "published_high = null",
        )
    ],
    "observed_interval_is_missing_for_a_reason": [
        f"update agg_published_comparison set {change} where measure = 'remission_percent'"
        for change in (
            "observed_low = null",
            "observed_high = null",
            "observed_interval_missing_reason = 'no_events'",
        )
    ],
    "observed_rate_is_within_its_interval": [
        f"update agg_published_comparison set {change} where measure = 'n_deaths'"
        for change in (
            "observed_rate = observed_low - 0.01",
            "observed_rate = observed_high + 0.01",
            "observed_low = -0.01",
            "observed_high = 1.01",
            "observed_rate = null",
            "observed_low = null",
            "observed_high = null",
        )
    ],
    "difference_is_of_both_rates": [
        f"update agg_published_comparison set {change} where measure = 'n_deaths'"
        for change in ("rate_difference = null", "observed_rate = null", "published_rate = null")
    ],
    # dq_published_integrity
    "figure_that_follows_is_the_recomputed_one": [
        f"update dq_published_integrity set {change} where measure = 'sae_percent'"
        for change in (
            "recomputed_value = printed_value + 1",
            "recomputed_value = null",
            "printed_value = null",
        )
    ]
    + ["update dq_published_integrity set follows = null, recomputed_value = null"],
    # agg_definition_sensitivity
    "definition_without_a_window_is_of_all_arms_with_their_own": [
        f"update agg_definition_sensitivity set {change} where {OWN_DEFINITION}"
        for change in (
            "window_days = null",
            "has_arm_windows = true",
            "has_arm_windows = null",
            "arm_id = null, has_arm_windows = true",
        )
    ],
    "counts_of_a_definition_are_at_most_patients": [
        f"update agg_definition_sensitivity set {change} where {OWN_DEFINITION}"
        for column in ("n_remissions", "n_patients_with_sae")
        for change in (
            f"{column} = n_patients + 1",
            f"{column} = -1",
            f"{column} = null",
            "n_patients = null",
        )
    ],
    "rates_of_a_definition_are_within_their_intervals": [
        f"update agg_definition_sensitivity set {change} where {OWN_DEFINITION}"
        for rate, low, high in (
            ("remission_rate", "wilson_low", "wilson_high"),
            ("sae_rate", "sae_wilson_low", "sae_wilson_high"),
        )
        for change in (
            f"{rate} = {low} - 0.01",
            f"{rate} = {high} + 0.01",
            f"{low} = -0.01",
            f"{high} = 1.01",
            f"{rate} = null",
            f"{low} = null",
            f"{high} = null",
            f"n_patients = null, {rate} = null",
        )
    ],
    # definition_choices
    "definition_choice_is_of_its_kind": [
        f"update reference.definition_choices set choice = {choice} where dimension = '{dimension}'"
        for dimension, choices in {
            "window_days": ("'any'", "'028'", "'-1'", "'1.5'", "'arm'", "'true'", "null"),
            "is_window_inclusive": ("'any'", "'1'", "'yes'", "null"),
            "max_overlap_days": ("'any'", "'-7'", "''", "null"),
            "require_failure": ("'any'", "'0'", "'TRUE'", "null"),
            "remission_within_days": ("'none'", "'+30'", "' 30'", "null"),
        }.items()
        for choice in choices
    ],
    # fct_decision_trace
    "only_some_rules_can_be_left_out_by_a_protocol": [
        "update fct_decision_trace set outcome = 'not_asked' where rule_number = 7",
        "update fct_decision_trace set outcome = null where rule_number = 7",
        "update fct_decision_trace set outcome = 'not_asked', rule = null where rule_number = 2",
    ],
    "explanation_is_a_sentence": [
        f"update fct_decision_trace set explanation = {value} where patient_id = 'P030'"
        for value in ("'it began late'", "''", "'.'", "null")
    ],
    "trace_names_the_era_of_its_arm": [
        f"update fct_decision_trace set {change} where patient_id = 'P030'"
        for change in (
            "arm_id = null",
            "failed_era_start_date = null",
            "failed_era_end_date = null",
            "gap_days = null",
            "salvage_start_date = null",
            "failed_era_start_date = date '2002-11-01'",
            "arm_id = null, failed_era_start_date = null, failed_era_end_date = null",
        )
    ],
    "decision_trace_ends_where_attrition_does": [
        *(
            f"update fct_decision_trace set {change} where patient_id = 'P030' and {row}"
            for change, row in (
                ("outcome = 'met'", "rule_number = 7"),
                ("outcome = 'not_asked'", "rule_number = 7"),
                ("outcome = null", "rule_number = 6"),
                ("outcome = 'not_met'", "rule_number = 5"),
                ("patient_id = null", "rule_number = 7"),
                ("patient_id = null", "true"),
                ("protocol_id = null", "true"),
                ("rule_number = null", "rule_number = 7"),
                ("rule_number = 8", "rule_number = 7"),
            )
        ),
        "delete from fct_decision_trace where patient_id = 'P030'",
        "delete from fct_decision_trace where patient_id = 'P030' and rule_number = 4",
        "delete from fct_decision_trace where patient_id = 'P030' and rule_number = 7",
        "update fct_decision_trace set outcome = 'not_met'"
        " where patient_id = 'P001' and rule_number = 7",
        "update int_patient_attrition set last_step_number = 5 where patient_id = 'P030'",
        "update int_patient_attrition set last_step_number = null where patient_id = 'P030'",
        "delete from int_patient_attrition where patient_id = 'P030'",
    ],
    "decision_trace_counts_are_those_of_attrition": [
        *(
            f"update fct_decision_trace set {change} where patient_id = 'P030' and rule_number = 7"
            for change in (
                "outcome = 'met'",
                "outcome = null",
                "rule = 'first_drug_failed'",
                "rule = null",
                "rule_number = 6",
                "rule_number = null",
                "protocol_id = null",
            )
        ),
        "delete from fct_decision_trace where patient_id = 'P030' and rule_number = 7",
        "update agg_cohort_attrition set n_remaining = null where step_number = 3",
        "update agg_cohort_attrition set n_excluded = null where step_number = 3",
        "update agg_cohort_attrition set n_excluded = n_excluded + 1 where step_number = 3",
        "delete from agg_cohort_attrition where step_number = 3",
    ],
    "decision_trace_names_the_analysis_episode": [
        *(
            f"update fct_decision_trace set {change} where patient_id = 'P001' and rule_number = 7"
            for change in (
                "arm_id = 'csa_after_ifx'",
                "arm_id = null",
                "failed_era_start_date = failed_era_start_date + 1",
                "failed_era_end_date = null",
                "salvage_start_date = salvage_start_date + 1",
                "gap_days = null",
                "outcome = 'not_met'",
                "patient_id = null",
                "protocol_id = null",
            )
        ),
        "update fct_decision_trace set outcome = null"
        " where patient_id = 'P030' and rule_number = 7",
        "update fct_salvage_episodes set is_in_analysis_set = null where patient_id = 'P030'",
        "delete from fct_decision_trace where patient_id = 'P001' and rule_number = 7",
    ],
    "decision_trace_names_the_records_of_its_eras": [
        *(
            f"update fct_decision_trace set {change} where patient_id = 'P030' and rule_number = 7"
            for change in (
                "source_record_ids = source_record_ids || ',DX-P030-99'",
                "source_record_ids = 'DX-P030-02'",
                "source_record_ids = null",
                "failed_era_start_date = failed_era_start_date + 1",
                "failed_era_end_date = null",
                "salvage_start_date = null",
                "arm_id = 'csa_after_ifx'",
                "arm_id = null",
                "rule = 'first_drug_failed'",
                "patient_id = null",
                "protocol_id = null",
            )
        ),
        "update fct_decision_trace set source_table = 'drug_exposures' where rule_number = 1",
        "update fct_decision_trace set source_table = null where rule_number = 1",
        "update fct_drug_eras set n_exposures = null where patient_id = 'P030'",
    ],
    # agg_lost_before_salvage
    "patients_at_risk_are_salvaged_lost_or_neither": [
        f"update agg_lost_before_salvage set {column} = {value} where arm_id = 'all'"
        for column in (
            "n_at_risk",
            "n_salvaged",
            "n_lost_before_salvage",
            "n_died",
            "n_colectomy",
            "n_other",
        )
        for value in (f"{column} + 1", "null")
    ]
    + [
        f"update agg_lost_before_salvage set {change} where arm_id = 'all'"
        for change in (
            "n_other = -1, n_at_risk = n_salvaged + n_lost_before_salvage - 1",
            "n_salvaged = -1, n_at_risk = n_lost_before_salvage + n_other - 1",
            "n_died = -1, n_colectomy = n_lost_before_salvage + 1",
            "n_colectomy = -1, n_died = n_lost_before_salvage + 1",
        )
    ],
    "lost_share_is_within_its_interval": [
        f"update agg_lost_before_salvage set {change} where arm_id = 'all'"
        for change in (
            "lost_share = wilson_low - 0.01",
            "lost_share = wilson_high + 0.01",
            "wilson_low = -0.01",
            "wilson_high = 1.01",
            "lost_share = null",
            "wilson_low = null",
            "wilson_high = null",
            "n_at_risk = null, lost_share = null",
        )
    ],
    "salvaged_patients_are_the_analysis_set": [
        f"update agg_lost_before_salvage set {change} where arm_id = 'all'"
        for change in (
            "n_salvaged = n_salvaged + 1",
            "n_salvaged = null",
            "protocol_id = null",
            "arm_id = null",
        )
    ]
    + [
        "update agg_remission_by_arm set n_patients = null where arm_id = 'all'",
        "delete from agg_lost_before_salvage",
    ],
    "patients_at_risk_count_once_in_all_arms": [
        f"update agg_lost_before_salvage set {change}"
        for change in (
            "n_at_risk = 25 where arm_id = 'all'",
            "n_at_risk = 52 where arm_id = 'all'",
            "n_at_risk = null where arm_id = 'all'",
            "n_at_risk = null where arm_id <> 'all'",
            "protocol_id = null where arm_id = 'all'",
            "arm_id = null where arm_id = 'all'",
            "arm_id = null where arm_id <> 'all'",
        )
    ],
    # fct_treatment_lines
    "line_lasts_while_its_drugs_do": [
        f"update fct_treatment_lines set {change} where patient_id = 'P007' and line_number = 2"
        for change in (
            "line_end_date = line_start_date - 1",
            "line_end_date = last_drug_date + 1",
            "line_start_date = null",
            "line_end_date = null",
            "last_drug_date = null",
        )
    ],
    "line_that_goes_on_until_its_drugs_end_was_not_cut": [
        f"update fct_treatment_lines set {change} where end_reason = 'end_of_observation'"
        for change in (
            "line_end_date = line_start_date",
            "line_end_date = null",
            "last_drug_date = null",
            "line_end_date = line_start_date, end_reason = 'death'",
            "line_end_date = line_start_date, end_reason = null",
        )
    ],
    "line_has_an_era_for_at_most_each_drug": [
        f"update fct_treatment_lines set {change} where patient_id = 'P008' and line_number = 4"
        for change in (
            "n_eras = 0",
            "n_eras = 3",
            "n_eras = null",
            "ingredients = []",
            "ingredients = null",
        )
    ],
    "first_line_is_no_repeat": [
        "update fct_treatment_lines set is_repeat = true where line_number = 1",
        "update fct_treatment_lines set is_repeat = null where line_number = 1",
    ],
    # agg_treatment_paths
    "path_has_a_step_for_each_line": [
        f"update agg_treatment_paths set {change} where ended_by = 'death'"
        for change in (
            "n_lines = n_lines + 1",
            "n_lines = null",
            "path = []",
            "path = null",
            "path = [], n_lines = 0",
            "n_patients = 0",
            "n_patients = null",
        )
    ],
    # agg_treatment_after_stop
    "stops_of_an_outcome_are_among_those_of_the_drug": [
        "update agg_treatment_after_stop set"
        f" {change} where ingredient = 'cyclosporine' and outcome = 'both'"
        for change in (
            "n_followed_up = n_stops + 1",
            "n_followed_up = -1",
            "n_on_other_drug = n_stops + 1",
            "n_on_other_drug = -1",
            "n_patients = n_stops + 1",
            "n_patients = 0",
            "n_stops = n_stops_of_drug + 1",
            "n_stops_of_drug = n_followed_up_of_drug - 1",
            "n_followed_up_of_drug = n_followed_up - 1",
            *(
                f"{column} = null"
                for column in (
                    "n_stops",
                    "n_patients",
                    "n_on_other_drug",
                    "n_followed_up",
                    "n_stops_of_drug",
                    "n_followed_up_of_drug",
                )
            ),
        )
    ],
    "untreated_stop_was_followed_up": [
        f"update agg_treatment_after_stop set n_followed_up = {value}"
        f" where ingredient = 'cyclosporine' and outcome = '{outcome}'"
        for outcome in ("untreated", "died")
        for value in ("n_stops - 1", "null")
    ],
    "stop_that_was_not_observed_was_not_followed_up": [
        f"update agg_treatment_after_stop set {change}"
        " where ingredient = 'tacrolimus' and outcome = 'not_observed'"
        for change in ("n_followed_up = 1", "n_followed_up = null", "followed_up_share = 0")
    ],
    # treatment_path_rules
    "treatment_path_rules_are_days": [
        f"update reference.treatment_path_rules set {column} = {value}"
        for column in ("combination_overlap_days", "after_stop_days")
        for value in ("0", "-1", "null")
    ],
    "treatment_path_rules_are_one_row": [
        "delete from reference.treatment_path_rules",
        "insert into reference.treatment_path_rules values ('rescue', 1, 1)",
    ],
    "eras_are_in_one_line_each": [
        "delete from fct_treatment_lines where patient_id = 'P007'",
        "delete from fct_treatment_lines",
        "delete from int_era_lines where patient_id = 'P007' and line_number = 1",
        "insert into int_era_lines from int_era_lines where patient_id = 'P007'",
        "insert into fct_treatment_lines from fct_treatment_lines where patient_id = 'P007'",
        "update int_era_lines set line_number = line_number + 1 where patient_id = 'P007'",
        "update int_era_lines set line_number = null where patient_id = 'P007'",
        *(
            f"update fct_treatment_lines set {change} where patient_id = 'P007'"
            for change in (
                "ingredients = []",
                "ingredients = null",
                "line_start_date = line_start_date - 1",
                "line_start_date = null",
                "line_number = line_number + 1",
                "line_number = null",
                "patient_id = null",
                "n_eras = n_eras + 1",
                "n_eras = null",
            )
        ),
    ],
    "treated_patients_have_one_path_each": [
        "delete from agg_treatment_paths where ended_by = 'death'",
        *(
            f"update agg_treatment_paths set {change} where ended_by = 'death'"
            for change in (
                "n_patients = n_patients + 1",
                "n_patients = null",
                "n_lines = n_lines + 1",
                "n_lines = null",
            )
        ),
        "update fct_treatment_lines set line_number = null where patient_id = 'P007'",
        "update fct_treatment_lines set patient_id = null where patient_id = 'P007'",
        "delete from fct_treatment_lines where patient_id = 'P007'",
    ],
    "stops_are_eras_that_ended_before_observation": [
        f"delete from agg_treatment_after_stop where ingredient = 'cyclosporine'{rows}"
        for rows in ("", " and outcome = 'both'")
    ]
    + [
        "update agg_treatment_after_stop set"
        f" {change} where ingredient = 'cyclosporine' and outcome = 'both'"
        for change in (
            "ingredient = 'nothing'",
            "ingredient = null",
            "n_stops = n_stops + 1",
            "n_stops = null",
            "n_stops_of_drug = n_stops_of_drug + 1",
            "n_followed_up = n_followed_up + 1",
            "n_followed_up = null",
            "followed_up_share = followed_up_share + 0.01",
            "followed_up_share = null",
        )
    ]
    + [
        f"update agg_treatment_after_stop set {column} = null where ingredient = 'cyclosporine'"
        for column in ("n_stops_of_drug", "n_followed_up_of_drug", "followed_up_share")
    ],
    # tests/dbt
    "protocol_definition_equals_the_marts_by_arm": [
        f"delete from agg_definition_sensitivity where {OWN_DEFINITION}",
        "delete from agg_remission_by_arm where arm_id = 'all'",
        "delete from agg_adverse_events_by_arm where arm_id = 'all'",
        "insert into agg_definition_sensitivity select * from agg_definition_sensitivity"
        f" where {OWN_DEFINITION}",
        "update agg_definition_sensitivity set is_protocol_definition = true"
        " where window_days = 42 and arm_id = 'all'",
        "update agg_definition_sensitivity set is_protocol_definition = null"
        " where window_days = 42 and arm_id = 'all'",
        *(
            f"update agg_definition_sensitivity set is_protocol_definition = {value}"
            f" where {OWN_DEFINITION}"
            for value in ("false", "null")
        ),
        *(
            f"update agg_definition_sensitivity set {column} = null where {OWN_DEFINITION}"
            for column in ("protocol_id", "arm_id")
        ),
        *(
            f"update {mart} set {column} = {value} where {row}"
            for mart, row, columns in (
                (
                    "agg_definition_sensitivity",
                    OWN_DEFINITION,
                    [
                        "n_patients",
                        "n_remissions",
                        "remission_rate",
                        "wilson_low",
                        "wilson_high",
                        "n_patients_with_sae",
                        "sae_rate",
                        "sae_wilson_low",
                        "sae_wilson_high",
                    ],
                ),
                (
                    "agg_remission_by_arm",
                    "arm_id = 'ifx_after_csa'",
                    ["n_patients", "n_remissions", "remission_rate", "wilson_low", "wilson_high"],
                ),
                (
                    "agg_adverse_events_by_arm",
                    "arm_id = 'ifx_after_csa'",
                    [
                        "n_patients",
                        "n_patients_with_sae",
                        "sae_rate",
                        "wilson_low",
                        "wilson_high",
                    ],
                ),
            )
            for column in columns
            for value in (f"{column} + 0.5 * {column}", "null")
        ),
    ],
    "own_reference_files_are_whole": [
        "insert into int_reference_problems values ('protocols', 2, 'window_days', 'bad_number')",
        "insert into int_reference_problems values (null, null, null, null)",
    ],
    "analysis_set_is_the_same_in_every_mart": [
        "delete from fct_remissions where patient_id = 'P001'",
        "update fct_remissions set arm_id = 'csa_after_ifx' where patient_id = 'P001'",
        "update fct_salvage_episodes set is_in_analysis_set = null where patient_id = 'P029'",
        *(
            f"update {mart} set {column} = null where patient_id = 'P001'"
            for mart in ("fct_remissions", "fct_salvage_episodes")
            for column in ("protocol_id", "arm_id", "patient_id", "salvage_start_date")
        ),
    ],
    "analysis_set_counts_reconcile": [
        "delete from fct_remissions where patient_id = 'P001'",
        "update fct_salvage_episodes set is_in_analysis_set = null where patient_id = 'P029'",
        "update fct_remissions set is_remission = null where patient_id = 'P001'",
        *(
            f"update {table} set {column} = {value} where {row}"
            for table, column, row in (
                ("agg_remission_by_arm", "n_patients", "arm_id = 'all'"),
                ("agg_remission_by_arm", "n_remissions", "arm_id = 'all'"),
                ("agg_adverse_events_by_arm", "n_patients", "arm_id = 'all'"),
                ("agg_cohort_attrition", "n_remaining", "step_number = 7"),
            )
            for value in (f"{column} - 1", "null")
        ),
        "delete from agg_cohort_attrition",
    ],
    "patient_has_at_most_one_analysis_episode": [
        "update fct_salvage_episodes set is_in_analysis_set = true where patient_id = 'P008'",
        "update fct_salvage_episodes set is_in_analysis_set = null where patient_id = 'P008'",
        "update fct_salvage_episodes set patient_id = null where patient_id = 'P001'",
        "update fct_salvage_episodes set protocol_id = null where patient_id = 'P001'",
    ],
    "arms_add_up_to_all_arms": [
        "delete from agg_remission_by_arm where arm_id = 'ifx_after_csa'",
        "delete from agg_remission_by_arm where arm_id = 'all'",
        "delete from agg_adverse_events_by_arm where arm_id = 'ifx_after_csa'",
        "delete from agg_adverse_events_by_arm where arm_id = 'all'",
        *(
            f"update {mart} set {column} = {value} where arm_id = 'all'"
            for mart, columns in {
                "agg_remission_by_arm": ["n_patients", "n_remissions"],
                "agg_adverse_events_by_arm": [
                    "n_patients",
                    "n_patients_with_sae",
                    "n_sae_events",
                    "n_deaths",
                    "person_days",
                ],
            }.items()
            for column in columns
            for value in (f"{column} + 1", "null")
        ),
    ],
    "patients_of_facts_are_accepted": [
        f"update {fact} set patient_id = {value} where patient_id = 'P005'"
        for fact in (
            "fct_drug_eras",
            "fct_salvage_episodes",
            "fct_remissions",
            "fct_adverse_events",
            "fct_decision_trace",
            "fct_treatment_lines",
        )
        for value in ("'nobody'", "null")
    ],
    "exposures_hold_together": [
        f"update int_drug_exposure_counts set {change} where disposition = 'accepted'"
        for change in (
            "disposition = null",
            "disposition = 'lost'",
            "disposition = 'quarantined'",
            "disposition = 'collapsed', reason = 'after_death'",
            "reason = 'after_death'",
            "is_placed = false",
            "is_placed = null",
            "is_in_order = false",
            "is_in_order = null",
            "drug_name = 'nobody has reviewed it'",
            "stop_reason = 'sleepy'",
        )
    ],
    "mapped_exposures_are_in_one_era_each": [
        "update fct_drug_eras set n_exposures = n_exposures + 1 where patient_id = 'P001'",
        "update fct_drug_eras set n_exposures = null where patient_id = 'P001'",
        "update fct_drug_eras set ingredient = null where patient_id = 'P001'",
        "update fct_drug_eras set patient_id = null where patient_id = 'P001'",
        "delete from fct_drug_eras where patient_id = 'P001'",
        # As many of each ingredient, but not of each patient: one too few, one too many.
        "update fct_drug_eras set n_exposures = n_exposures"
        " + case patient_id when 'P001' then 1 else -1 end"
        " where ingredient = 'cyclosporine' and patient_id in ('P001', 'P002')",
    ],
    "published_figure_is_compared_once": [
        "insert into agg_published_comparison select * from agg_published_comparison"
        " where measure = 'n_deaths'",
        "insert into agg_published_comparison select * from agg_published_comparison"
        " where arm_id is null",
    ],
    "published_figure_is_compared_under_every_protocol": [
        "delete from agg_published_comparison where study_id = 'herrlinger_2010'",
        "delete from agg_published_comparison where horizon_months = 3",
        "update agg_published_comparison set published_value = null where measure = 'n_deaths'",
        "update agg_published_comparison set study_id = null where measure = 'n_deaths'",
        "update agg_published_comparison set protocol_id = null where measure = 'n_deaths'",
    ],
    "printed_figure_is_checked_once_in_each_way": [
        "insert into dq_published_integrity select * from dq_published_integrity"
        " where measure = 'sae_percent'",
    ],
    "recomputable_figures_are_checked": [
        f"delete from dq_published_integrity where check_kind = '{kind}'"
        for kind in (
            "percentage_from_counts",
            "standard_error_from_proportion",
            "interval_low_from_proportion",
            "interval_high_from_proportion",
            "parts_sum_to_whole",
        )
    ]
    + ["update dq_published_integrity set follows = null where measure = 'sae_percent'"],
    "quarantine_reconciles_with_ledger": [
        QUARANTINED,
        f"{QUARANTINED}; update dq_quarantine set table_name = null",
        "update dq_row_ledger set n_quarantined = 1 where table_name = 'procedures'",
        "update dq_row_ledger set n_quarantined = null where table_name = 'procedures'",
    ],
    "accepted_records_reach_the_marts": [
        "delete from dim_patients where patient_id = 'P043'",
        "delete from int_drug_exposures where patient_id = 'P043'",
        "delete from fct_adverse_events where patient_id = 'P020'",
        "update fct_adverse_events set adverse_event_id = null where patient_id = 'P020'",
        "update fct_adverse_events set protocol_id = null where patient_id = 'P020'",
        "update dq_row_ledger set n_accepted = null where table_name = 'patients'",
        "delete from dq_row_ledger where table_name = 'adverse_events'",
    ],
    "demo_reproduces_the_published_study": [
        "update agg_published_comparison set is_match = false where measure = 'n_deaths'",
        "update agg_published_comparison set is_match = null where measure = 'n_deaths'",
        "delete from agg_published_comparison where measure = 'n_deaths'",
    ],
    "demo_cases_come_out_as_worked_out_by_hand": [
        "update fct_remissions set arm_id = 'csa_after_ifx' where patient_id = 'P001'",
        "update fct_remissions set is_remission = null where patient_id = 'P001'",
        "update fct_remissions set loss_reason = null where patient_id = 'P001'",
        "update fct_remissions set duration_days = duration_days + 1 where patient_id = 'P001'",
        "update fct_salvage_episodes set gap_days = null where patient_id = 'P001'",
        "update fct_salvage_episodes set salvage_class = null where patient_id = 'P001'",
        "update int_patient_attrition set last_step_number = 6 where patient_id = 'P001'",
        "delete from int_patient_attrition where patient_id = 'P001'",
    ],
}
CASES = cases(CORRUPTIONS)


@dataclass(frozen=True)
class Guard:
    """One data test as dbt compiled it; type, table and column of a generic one."""

    name: str
    sql: str
    type: str = ""
    table: str = ""
    column: str = ""
    keys: tuple[str, ...] = ()
    allows_null: bool = False

    def corruptions(self) -> list[str]:
        """What this generic test must catch in its table's last row."""
        last = f"rowid = (select max(rowid) from {self.table})"
        return [
            template.format(table=self.table, column=self.column, key=key, last=last)
            for template in CORRUPTIONS_BY_TYPE[self.type]
            for key in (self.keys if "{key}" in template else ("",))
            if not (self.allows_null and "null" in template)
        ]


@dataclass(frozen=True)
class Demo:
    """The demo built by dbt, its guards, and a connection that may corrupt it."""

    guards: dict[str, Guard]
    connection: duckdb.DuckDBPyConnection

    def n_failures(self, guard: Guard) -> int:
        return len(self.connection.execute(guard.sql).fetchall())

    def bites(self, guard: Guard, *statements: str) -> bool:
        with undone(self.connection):
            for statement in statements:
                self.connection.execute(statement)
            return self.n_failures(guard) > 0


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The demo seeds built and tested by dbt, in tables that may then hold anything."""
    folder = tmp_path_factory.mktemp("guards")
    path = folder / "warehouse.duckdb"
    command = ["--quiet", "--log-level", "none", "build", "--exclude", "resource_type:unit_test"]
    outcome = run_dbt(command, path, folder)
    assert outcome.success, outcome.exception
    manifest = json.loads((folder / "target" / "manifest.json").read_text(encoding="utf-8"))
    with duckdb.connect(str(path)) as connection:
        let_marts_hold_null(connection)
        connection.execute("set search_path = 'marts,intermediate'")
        yield Demo(guards(manifest["nodes"]), connection)


def guards(nodes: dict[str, dict[str, Any]]) -> dict[str, Guard]:
    """The tests on marts and reference seeds, and the singular ones, by name."""
    found = []
    for node in nodes.values():
        if node["resource_type"] != "test" or not node["config"]["enabled"]:
            continue
        if node["original_file_path"].startswith("tests/dbt/macros"):
            continue  # What a macro gives for written-out cases: no table, no guard.
        if not node.get("test_metadata"):
            found.append(Guard(node["name"], node["compiled_code"]))
            continue
        attached = nodes[node["attached_node"]]
        if attached["original_file_path"].startswith(("models/marts", "seeds/reference")):
            arguments = node["test_metadata"]["kwargs"]
            found.append(
                Guard(
                    name=node["name"],
                    sql=node["compiled_code"],
                    type=node["test_metadata"]["name"],
                    table=attached["relation_name"],
                    column=node.get("column_name") or "",
                    keys=tuple(arguments.get("columns", ())),
                    allows_null=arguments.get("allow_null", False),
                )
            )
    assert len({guard.name for guard in found}) == len(found)
    return {guard.name: guard for guard in found}


def test_every_guard_has_a_corruption(demo: Demo) -> None:
    without = [
        guard.name
        for guard in demo.guards.values()
        if guard.name not in CORRUPTIONS and guard.type not in CORRUPTIONS_BY_TYPE
    ]
    assert without == []
    assert set(CORRUPTIONS) <= set(demo.guards)


def test_no_guard_bites_on_the_demo(demo: Demo) -> None:
    assert [name for name, guard in demo.guards.items() if demo.n_failures(guard)] == []


@pytest.mark.parametrize(("name", "corruption"), CASES)
def test_guard_bites(demo: Demo, name: str, corruption: str) -> None:
    assert demo.bites(demo.guards[name], corruption)


@pytest.mark.parametrize("kind", CORRUPTIONS_BY_TYPE)
def test_guards_of_a_type_bite(demo: Demo, kind: str) -> None:
    of_type = [
        guard
        for guard in demo.guards.values()
        if guard.type == kind and guard.name not in CORRUPTIONS
    ]
    assert of_type
    assert [
        f"{guard.name}: {corruption}"
        for guard in of_type
        for corruption in guard.corruptions()
        if not demo.bites(guard, QUARANTINED, corruption)
    ] == []
