{%- set marts = {
    'agg_remission_by_arm': ['n_patients', 'n_remissions'],
    'agg_adverse_events_by_arm': [
        'n_patients', 'n_patients_with_sae', 'n_sae_events', 'n_deaths', 'person_days'
    ],
} -%}
with arms as (
    select * from {{ ref('int_protocol_arms') }}
),

{% for mart, columns in marts.items() -%}
{{ mart }} as (
    select * from {{ ref(mart) }}
),

{{ mart }}_sums as (
    select
        arms.protocol_id,
        {%- for column in columns %}
        sum({{ mart }}.{{ column }}) as {{ column }},
        {%- endfor %}
        count(*) - count({{ mart }}.arm_id) as n_missing_arms
    from arms
    left join {{ mart }}
        on
            arms.protocol_id = {{ mart }}.protocol_id
            and arms.arm_id = {{ mart }}.arm_id
    group by arms.protocol_id
),

{% endfor -%}
final as (
    {%- for mart, columns in marts.items() %}
    select
        '{{ mart }}' as mart,
        {{ mart }}_sums.protocol_id,
        {{ mart }}_sums.n_missing_arms
    from {{ mart }}_sums
    left join {{ mart }}
        on
            {{ mart }}_sums.protocol_id = {{ mart }}.protocol_id
            and {{ mart }}.arm_id = 'all'
    where
        {{ mart }}_sums.n_missing_arms > 0
        {%- for column in columns %}
        or {{ mart }}_sums.{{ column }} is distinct from {{ mart }}.{{ column }}
        {%- endfor %}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select * from final
