with eligibility as (
    select * from {{ ref('int_patient_eligibility') }}
),

protocols as (
    select * from {{ ref('int_protocols') }}
),

patients as (
    select * from {{ ref('int_patients') }}
),

refractoriness as (
    select * from {{ ref('int_steroid_refractoriness') }}
),

asked as (
    select
        eligibility.protocol_id,
        eligibility.patient_id,
        eligibility.meets_diagnosis_rule,
        eligibility.meets_refractoriness_rule,
        protocols.diagnosis as asked_diagnosis,
        protocols.require_steroid_refractory,
        patients.diagnosis,
        refractoriness.steroid_refractory,
        refractoriness.failed_ingredient,
        refractoriness.failed_era_start_date,
        refractoriness.lookback_days
    from eligibility
    inner join protocols
        on eligibility.protocol_id = protocols.protocol_id
    inner join patients
        on eligibility.patient_id = patients.patient_id
    left join refractoriness
        on
            eligibility.protocol_id = refractoriness.protocol_id
            and eligibility.patient_id = refractoriness.patient_id
),

all_patients as (
    select
        protocol_id,
        patient_id,
        'all_patients' as rule,
        'met' as outcome,
        'the patient''s record was accepted.' as explanation
    from asked
),

has_diagnosis as (
    select
        protocol_id,
        patient_id,
        'has_diagnosis' as rule,
        case
            when asked_diagnosis is null then 'not_asked'
            when meets_diagnosis_rule then 'met'
            else 'not_met'
        end as outcome,
        case
            when asked_diagnosis is null then 'the protocol takes any diagnosis.'
            when meets_diagnosis_rule
                then 'the diagnosis recorded is ' || asked_diagnosis || '.'
            when diagnosis is null
                then
                    'no diagnosis is recorded; the protocol asks for '
                    || asked_diagnosis || '.'
            else 'the diagnosis recorded is not ' || asked_diagnosis || '.'
        end as explanation
    from asked
),

steroid_refractory as (
    select
        protocol_id,
        patient_id,
        'steroid_refractory' as rule,
        case
            when not require_steroid_refractory then 'not_asked'
            when meets_refractoriness_rule then 'met'
            else 'not_met'
        end as outcome,
        case
            when not require_steroid_refractory
                then 'the protocol does not ask for steroid-refractory disease.'
            {% if is_omop() -%}
            when meets_refractoriness_rule
                then
                    'a corticosteroid was given in the '
                    || {{ days_in_words('lookback_days') }} || ' before '
                    || failed_ingredient || ' began on '
                    || {{ as_text('failed_era_start_date') }} || '.'
            when steroid_refractory is null
                then
                    'no first drug of the protocol is recorded, before which '
                    || 'corticosteroids could have failed.'
            else
                'no corticosteroid is recorded in the days before a first drug '
                || 'of the protocol began.'
            {%- else -%}
            when meets_refractoriness_rule
                then 'the disease is recorded as steroid-refractory.'
            when steroid_refractory is null
                then 'it is not recorded whether the disease is steroid-refractory.'
            else 'the disease is recorded as not steroid-refractory.'
            {%- endif %}
        end as explanation
    from asked
    where meets_diagnosis_rule
),

final as (
    select * from all_patients
    union all
    select * from has_diagnosis
    union all
    select * from steroid_refractory
)

select * from final
