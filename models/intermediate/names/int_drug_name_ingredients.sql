with exposures as (
    select * from {{ ref('int_drug_exposures_accounted') }}
),

drug_names as (
    select * from {{ ref('int_drug_names') }}
),

written_names as (
    select distinct drug_name
    from exposures
    where disposition = 'accepted'
),

folded as (
    select
        drug_name as written_name,
        {{ folded_name('drug_name') }} as drug_name
    from written_names
),

final as (
    select
        folded.written_name,
        coalesce(drug_names.ingredient, 'unmapped') as ingredient
    from folded
    left join drug_names
        on folded.drug_name = drug_names.drug_name
)

select * from final
