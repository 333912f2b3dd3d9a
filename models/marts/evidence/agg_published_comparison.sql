{%- set remission_measures = [
    ('n_patients', 'n_patients'),
    ('n_remissions', 'n_remissions'),
    ('remission_percent', '100 * remission_rate'),
    ('mean_months', 'mean_months'),
    ('min_months', 'min_months'),
    ('max_months', 'max_months'),
] -%}
{%- set safety_measures = [
    ('n_patients_with_sae', 'n_patients_with_sae'),
    ('sae_percent', '100 * sae_rate'),
    ('n_deaths', 'n_deaths'),
] -%}
with published as (
    select * from {{ ref('published_outcomes') }}
),

protocols as (
    select * from {{ ref('int_protocols') }}
),

remission_by_arm as (
    select * from {{ ref('agg_remission_by_arm') }}
),

adverse_events_by_arm as (
    select * from {{ ref('agg_adverse_events_by_arm') }}
),

adverse_events as (
    select * from {{ ref('fct_adverse_events') }}
),

reporting_arms as (
    select * from {{ ref('int_reporting_arms') }}
),

serious_terms as (
    select
        reporting_arms.protocol_id,
        reporting_arms.arm_id,
        lower(adverse_events.event_term) as event_term,
        count(distinct adverse_events.patient_id) as n_patients
    from reporting_arms
    inner join adverse_events
        on
            reporting_arms.protocol_id = adverse_events.protocol_id
            and reporting_arms.member_arm_id = adverse_events.arm_id
    where
        adverse_events.is_serious
        and adverse_events.attribution = 'treatment_emergent'
    group by
        reporting_arms.protocol_id,
        reporting_arms.arm_id,
        lower(adverse_events.event_term)
),

observed as (
    {%- for relation, measures in [
        ('remission_by_arm', remission_measures),
        ('adverse_events_by_arm', safety_measures),
    ] %}
    {%- for measure, expression in measures %}
    select
        protocol_id,
        arm_id,
        '{{ measure }}' as measure,
        cast(null as {{ dbt.type_string() }}) as event_term,
        cast({{ expression }} as {{ double_type() }}) as observed_value
    from {{ relation }}
    union all
    {%- endfor %}
    {%- endfor %}
    select
        protocol_id,
        arm_id,
        'n_patients_with_sae_term' as measure,
        event_term,
        cast(n_patients as {{ double_type() }}) as observed_value
    from serious_terms
),

joined as (
    select
        published.study_id,
        published.protocol_id,
        published.arm_id,
        published.measure,
        published.event_term,
        published.unit,
        published.published_value,
        published.printed_decimals,
        observed.observed_value
    from published
    inner join protocols
        on published.protocol_id = protocols.protocol_id
    left join observed
        on
            published.protocol_id = observed.protocol_id
            and published.arm_id = observed.arm_id
            and published.measure = observed.measure
            and published.event_term is not distinct from observed.event_term
),

-- A figure matches if it prints as the published one: half a unit of its last digit.
final as (
    select
        study_id,
        protocol_id,
        arm_id,
        measure,
        event_term,
        unit,
        published_value,
        observed_value,
        coalesce(
            abs(observed_value - published_value)
            <= 0.5 * power(cast(10 as {{ double_type() }}), -printed_decimals),
            false
        ) as is_match
    from joined
)

select * from final
