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
end_dates as (
    select
        'drug_exposure' as cdm_table,
        'end_date_from_' || end_date_source as finding,
        count(*) as n_records
    from exposures
    group by end_date_source
),

repeated_ids as (
    select
        'drug_exposure' as cdm_table,
        'repeated_drug_exposure_id' as finding,
        count(exposure_id) - count(distinct exposure_id) as n_records
    from exposures
),

without_ingredient as (
    select
        'drug_exposure' as cdm_table,
        'without_rxnorm_ingredient' as finding,
        count(*) as n_records
    from exposures
    inner join name_ingredients
        on exposures.drug_name = name_ingredients.written_name
    where name_ingredients.ingredient = 'unmapped'
),

mapped_stop_reasons as (
    select
        'drug_exposure' as cdm_table,
        'with_mapped_stop_reason' as finding,
        count(stop_reason) as n_records
    from exposures
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
    select * from repeated_ids
    union all
    select * from without_ingredient
    union all
    select * from mapped_stop_reasons
    union all
    select * from event_occurrences
    union all
    select * from orphans
)

select * from final
