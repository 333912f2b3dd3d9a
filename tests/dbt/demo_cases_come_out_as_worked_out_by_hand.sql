{%- set columns = [
    'last_attrition_step',
    'arm_id',
    'salvage_class',
    'gap_days',
    'is_remission',
    'loss_reason',
    'duration_days',
] %}

with cases as (
    select * from {{ ref('demo_cases') }}
),

attrition as (
    select * from {{ ref('int_patient_attrition') }}
),

steps as (
    select * from {{ ref('attrition_steps') }}
),

episodes as (
    select * from {{ ref('fct_salvage_episodes') }}
),

remissions as (
    select * from {{ ref('fct_remissions') }}
),

last_steps as (
    select
        attrition.patient_id,
        steps.step as last_attrition_step
    from attrition
    inner join steps
        on attrition.last_step_number = steps.step_number
    where attrition.protocol_id = 'uc_rescue'
),

-- The episode that a case is about: the analysed one, else the one that the case names.
case_episodes as (
    select
        cases.patient_id,
        episodes.salvage_class,
        episodes.gap_days
    from cases
    inner join episodes
        on
            cases.patient_id = episodes.patient_id
            and episodes.protocol_id = 'uc_rescue'
    where
        (cases.arm_id is not null and episodes.is_in_analysis_set)
        or (
            cases.arm_id is null
            and (
                cases.salvage_class is null
                or (
                    cases.salvage_class = episodes.salvage_class
                    and cases.gap_days = episodes.gap_days
                )
            )
        )
),

case_remissions as (
    select *
    from remissions
    where protocol_id = 'uc_rescue'
),

observed as (
    select
        last_steps.patient_id,
        last_steps.last_attrition_step,
        case_remissions.arm_id,
        case_episodes.salvage_class,
        case_episodes.gap_days,
        case_remissions.is_remission,
        case_remissions.loss_reason,
        case_remissions.duration_days
    from last_steps
    left join case_episodes
        on last_steps.patient_id = case_episodes.patient_id
    left join case_remissions
        on last_steps.patient_id = case_remissions.patient_id
),

final as (
    select
        {%- for column in columns %}
        cases.{{ column }} as expected_{{ column }},
        observed.{{ column }} as observed_{{ column }},
        {%- endfor %}
        coalesce(cases.patient_id, observed.patient_id) as patient_id
    from cases
    full outer join observed
        on cases.patient_id = observed.patient_id
    where
        false
        {%- for column in columns %}
        or cases.{{ column }} is distinct from observed.{{ column }}
        {%- endfor %}
)

select * from final
