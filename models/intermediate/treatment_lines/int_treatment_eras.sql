{{ config(materialized='view') }}

with eras as (
    select * from {{ ref('int_drug_eras') }}
),

ingredients as (
    select * from {{ ref('int_ingredients') }}
),

arms as (
    select * from {{ ref('int_protocol_arms') }}
),

rules as (
    select * from {{ ref('treatment_path_rules') }}
),

named_drugs as (
    select
        'rescue' as drugs,
        ingredient
    from ingredients
    where is_rescue
    union all
    select
        'protocol_arms' as drugs,
        failed_ingredient as ingredient
    from arms
    union all
    select
        'protocol_arms' as drugs,
        salvage_ingredient as ingredient
    from arms
),

chosen as (
    select distinct named_drugs.ingredient
    from named_drugs
    inner join rules
        on named_drugs.drugs = rules.drugs
),

final as (
    select
        eras.patient_id,
        eras.ingredient,
        eras.era_start_date,
        eras.era_end_date,
        rules.combination_overlap_days,
        rules.after_stop_days
    from eras
    cross join rules
    left join chosen
        on eras.ingredient = chosen.ingredient
    where rules.drugs = 'all' or chosen.ingredient is not null
)

select * from final
