with rules as (
    select * from {{ ref('treatment_path_rules') }}
),

final as (
    select count(*) as n_rows
    from rules
    having count(*) <> 1
)

select * from final
