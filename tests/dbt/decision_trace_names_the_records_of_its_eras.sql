with trace as (
    select * from {{ ref('fct_decision_trace') }}
),

arms as (
    select * from {{ ref('int_protocol_arms') }}
),

eras as (
    select * from {{ ref('fct_drug_eras') }}
),

counted as (
    select
        trace.protocol_id,
        trace.patient_id,
        trace.rule,
        trace.source_record_ids,
        length(trace.source_record_ids)
        - length(replace(trace.source_record_ids, ',', '')) + 1 as n_records,
        failed_eras.n_exposures
        + case
            when trace.rule = 'first_drug_failed' then 0
            else coalesce(salvage_eras.n_exposures, 0)
        end as n_exposures
    from trace
    left join arms
        on
            trace.protocol_id = arms.protocol_id
            and trace.arm_id = arms.arm_id
    left join eras as failed_eras
        on
            trace.patient_id = failed_eras.patient_id
            and arms.failed_ingredient = failed_eras.ingredient
            and trace.failed_era_start_date = failed_eras.era_start_date
            and trace.failed_era_end_date = failed_eras.era_end_date
    left join eras as salvage_eras
        on
            trace.patient_id = salvage_eras.patient_id
            and arms.salvage_ingredient = salvage_eras.ingredient
            and trace.salvage_start_date = salvage_eras.era_start_date
    where trace.source_table is distinct from 'patients'
),

final as (
    select *
    from counted
    where n_records is distinct from n_exposures
)

select * from final
