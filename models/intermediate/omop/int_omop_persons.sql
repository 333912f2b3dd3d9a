with persons as (
    select * from {{ ref('stg_omop__person') }}
),

known as (
    select distinct person_id
    from persons
    where person_id is not null
),

final as (
    select
        person_id,
        row_number() over (order by person_id) as person_number
    from known
)

select * from final
