{%- set end_date_sources = ['recorded', 'days_supply', 'quantity', 'drug_type'] -%}
{%- set others = [
    'repeated_drug_exposure_id', 'without_rxnorm_ingredient', 'with_mapped_stop_reason'
] -%}
with exposures as (
    select * from {{ ref('int_omop_drug_exposures') }}
),

name_ingredients as (
    select * from {{ ref('int_drug_name_ingredients') }}
),

occurrences as (
    select * from {{ ref('int_omop_event_occurrences') }}
),

persons as (
    select * from {{ ref('stg_omop__person') }}
),

{% for table in ['observation_period', 'death'] -%}
{{ table }}s as (
    select * from {{ ref('stg_omop__' ~ table) }}
),

{% endfor -%}
unmapped_drugs as (
    select written_name
    from name_ingredients
    where ingredient = 'unmapped'
),

-- In one row, since the exposures are by far the largest table: they are read once.
exposure_counts as (
    select
        {% for source in end_date_sources -%}
        count(case when exposures.end_date_source = '{{ source }}' then 1 end)
            as end_date_from_{{ source }},
        {% endfor -%}
        count(exposures.exposure_id) - count(distinct exposures.exposure_id)
            as repeated_drug_exposure_id,
        count(unmapped_drugs.written_name) as without_rxnorm_ingredient,
        count(exposures.stop_reason) as with_mapped_stop_reason
    from exposures
    left join unmapped_drugs
        on exposures.drug_name = unmapped_drugs.written_name
),

end_dates as (
    {%- for source in end_date_sources %}
    select
        'drug_exposure' as cdm_table,
        'end_date_from_{{ source }}' as finding,
        end_date_from_{{ source }} as n_records
    from exposure_counts
    where end_date_from_{{ source }} > 0
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

exposure_findings as (
    {%- for finding in others %}
    select
        'drug_exposure' as cdm_table,
        '{{ finding }}' as finding,
        {{ finding }} as n_records
    from exposure_counts
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

event_occurrences as (
    select
        'condition_occurrence' as cdm_table,
        case
            when is_new then 'new_adverse_event'
            else 'adverse_event_within_clean_window'
        end as finding,
        count(*) as n_records
    from occurrences
    group by is_new
),

orphans as (
    {%- for table in ['observation_period', 'death'] %}
    select
        '{{ table }}' as cdm_table,
        'without_person' as finding,
        count(*) as n_records
    from {{ table }}s
    where
        not exists (
            select 1 from persons
            where persons.person_id = {{ table }}s.person_id
        )
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

final as (
    select * from end_dates
    union all
    select * from exposure_findings
    union all
    select * from event_occurrences
    union all
    select * from orphans
)

select * from final
