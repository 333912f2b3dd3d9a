-- The figures of reconcile.sql, name by name, as the published marts tell them.
with

figures (name, value) as (
    select concat_ws('.', 'records', table_name, 'read'), n_records
    from marts.dq_row_ledger
    where n_records > 0
    union all
    select concat_ws('.', 'records', table_name, 'accepted'), n_accepted
    from marts.dq_row_ledger
    where n_accepted > 0
    union all
    select concat_ws('.', 'records', table_name, 'collapsed'), n_collapsed
    from marts.dq_row_ledger
    where n_collapsed > 0
    union all
    select concat_ws('.', 'records', table_name, reason), count(*)
    from marts.dq_quarantine
    group by table_name, reason
    union all
    select concat_ws('.', 'unmapped', table_name), count(*)
    from marts.dq_unmapped_names
    group by table_name
    union all
    select concat_ws('.', 'eras', ingredient), count(*)
    from marts.fct_drug_eras
    group by ingredient
    union all
    select concat_ws('.', 'era_exposures', ingredient), sum(n_exposures)
    from marts.fct_drug_eras
    group by ingredient
    union all
    select
        concat_ws('.', 'era_days', ingredient),
        sum(era_end_date - era_start_date + 1)
    from marts.fct_drug_eras
    group by ingredient
    union all
    select concat_ws('.', 'shipped_eras', ingredient), count(*)
    from marts.fct_drug_eras
    group by ingredient
    union all
    select concat_ws('.', 'shipped_era_exposures', ingredient), sum(n_exposures)
    from marts.fct_drug_eras
    group by ingredient
    union all
    select concat_ws('.', 'episodes', arm_id, salvage_class), count(*)
    from marts.fct_salvage_episodes
    group by arm_id, salvage_class
    union all
    select concat_ws('.', 'gap_days', arm_id, salvage_class), sum(gap_days)
    from marts.fct_salvage_episodes
    group by arm_id, salvage_class
    union all
    select concat_ws('.', 'attrition', step), n_remaining
    from marts.agg_cohort_attrition
    union all
    select concat_ws('.', 'analysis_set', arm_id), n_patients
    from marts.agg_remission_by_arm
    union all
    select concat_ws('.', 'remissions', arm_id), n_remissions
    from marts.agg_remission_by_arm
    union all
    select concat_ws('.', 'patients_with_serious_events', arm_id), n_patients_with_sae
    from marts.agg_adverse_events_by_arm
    union all
    select concat_ws('.', 'serious_events', arm_id), n_sae_events
    from marts.agg_adverse_events_by_arm
    union all
    select concat_ws('.', 'deaths', arm_id), n_deaths
    from marts.agg_adverse_events_by_arm
    union all
    select concat_ws('.', 'person_days', arm_id), person_days
    from marts.agg_adverse_events_by_arm
    union all
    select concat_ws('.', 'events', arm_id, attribution), count(*)
    from marts.fct_adverse_events
    group by arm_id, attribution
)

select
    name,
    cast(value as bigint) as value
from figures
order by name
