{#- Outcome, where its patients are counted, and the column that counts them. -#}
{%- set outcomes = [
    ('remission', 'remissions', 'n_remissions'),
    ('serious_event', 'serious_events', 'n_patients_with_sae'),
    ('fatal_event', 'serious_events', 'n_deaths'),
    ('colectomy', 'follow_up', 'n_colectomies'),
    ('death', 'follow_up', 'n_deaths'),
    ('adverse_event', 'follow_up', 'n_patients_with_ae'),
] -%}
with remissions as (
    select * from {{ ref('int_remission_counts') }}
),

serious_events as (
    select * from {{ ref('int_serious_event_counts') }}
),

follow_up as (
    select * from {{ ref('int_follow_up_counts') }}
),

reporting_arms as (
    select * from {{ ref('int_reporting_arms') }}
),

attributions as (
    select * from {{ ref('int_adverse_event_attributions') }}
),

published as (
    select * from {{ ref('published_outcomes') }}
),

published_terms as (
    select distinct event_term
    from published
    where event_term is not null
),

patients_with_term as (
    select distinct
        reporting_arms.protocol_id,
        reporting_arms.arm_id,
        lower(attributions.event_term) as event_term,
        attributions.patient_id
    from reporting_arms
    inner join attributions
        on
            reporting_arms.protocol_id = attributions.protocol_id
            and reporting_arms.member_arm_id = attributions.arm_id
    where
        attributions.is_serious
        and attributions.attribution = 'treatment_emergent'
),

-- A term that nobody has is counted 0, not left out.
terms as (
    select
        follow_up.protocol_id,
        follow_up.arm_id,
        published_terms.event_term,
        cast(count(patients_with_term.patient_id) as integer) as n_events,
        follow_up.n_patients
    from follow_up
    cross join published_terms
    left join patients_with_term
        on
            follow_up.protocol_id = patients_with_term.protocol_id
            and follow_up.arm_id = patients_with_term.arm_id
            and published_terms.event_term = patients_with_term.event_term
    group by
        follow_up.protocol_id,
        follow_up.arm_id,
        published_terms.event_term,
        follow_up.n_patients
),

final as (
    {%- for outcome, relation, n_events in outcomes %}
    select
        protocol_id,
        arm_id,
        '{{ outcome }}' as outcome,
        cast(null as {{ dbt.type_string() }}) as event_term,
        {{ n_events }} as n_events,
        n_patients
    from {{ relation }}
    union all
    {%- endfor %}
    select
        protocol_id,
        arm_id,
        'serious_event_term' as outcome,
        event_term,
        n_events,
        n_patients
    from terms
)

select * from final
