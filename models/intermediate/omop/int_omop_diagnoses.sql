with protocols as (
    select * from {{ ref('int_protocols') }}
),

members as (
    select * from {{ ref('int_concept_set_members') }}
),

conditions as (
    select * from {{ ref('stg_omop__condition_occurrence') }}
),

asked as (
    select distinct diagnosis
    from protocols
    where diagnosis is not null
),

-- A diagnosis after the cut-off is not known then.
final as (
    select
        conditions.person_id as patient_id,
        asked.diagnosis,
        min(conditions.condition_start_date) as diagnosis_date
    from conditions
    inner join members
        on conditions.condition_concept_id = members.concept_id
    inner join asked
        on members.concept_set = asked.diagnosis
    where
        {{ data_cutoff_date() }} is null
        or conditions.condition_start_date <= {{ data_cutoff_date() }}
    group by conditions.person_id, asked.diagnosis
)

select * from final
