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

serious_event_terms as (
    select * from {{ ref('int_serious_event_term_counts') }}
),

published as (
    select * from {{ ref('published_outcomes') }}
),

published_terms as (
    select distinct event_term
    from published
    where event_term is not null
),

-- A term that nobody has is counted 0, not left out.
terms as (
    select
        follow_up.protocol_id,
        follow_up.arm_id,
        published_terms.event_term,
        coalesce(serious_event_terms.n_patients_with_event, 0) as n_events,
        follow_up.n_patients
    from follow_up
    cross join published_terms
    left join serious_event_terms
        on
            follow_up.protocol_id = serious_event_terms.protocol_id
            and follow_up.arm_id = serious_event_terms.arm_id
            and published_terms.event_term = serious_event_terms.event_term
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
