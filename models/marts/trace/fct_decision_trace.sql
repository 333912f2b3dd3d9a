with disease_decisions as (
    select * from {{ ref('int_disease_decisions') }}
),

drug_decisions as (
    select * from {{ ref('int_drug_decisions') }}
),

episode_decisions as (
    select * from {{ ref('int_episode_decisions') }}
),

record_ids as (
    select * from {{ ref('int_traced_record_ids') }}
),

steps as (
    select * from {{ ref('attrition_steps') }}
),

decisions as (
    select
        protocol_id,
        patient_id,
        rule,
        outcome,
        cast(null as {{ dbt.type_string() }}) as arm_id,
        cast(null as date) as failed_era_start_date,
        cast(null as date) as failed_era_end_date,
        cast(null as date) as salvage_start_date,
        cast(null as integer) as gap_days,
        'patient' as evidence,
        explanation
    from disease_decisions
    union all
    select * from drug_decisions
    union all
    select * from episode_decisions
),

final as (
    select
        decisions.protocol_id,
        {{ as_text('decisions.patient_id') }} as patient_id,
        steps.step_number as rule_number,
        decisions.rule,
        decisions.outcome,
        decisions.arm_id,
        decisions.failed_era_start_date,
        decisions.failed_era_end_date,
        decisions.salvage_start_date,
        decisions.gap_days,
        case
            when decisions.evidence = 'patient' then 'patients'
            else 'drug_exposures'
        end as source_table,
        case
            when decisions.evidence = 'patient'
                then {{ as_text('decisions.patient_id') }}
            else record_ids.source_record_ids
        end as source_record_ids,
        decisions.explanation
    from decisions
    inner join steps
        on decisions.rule = steps.step
    left join record_ids
        on
            decisions.protocol_id = record_ids.protocol_id
            and decisions.patient_id = record_ids.patient_id
            and decisions.evidence = record_ids.evidence
)

select * from final
