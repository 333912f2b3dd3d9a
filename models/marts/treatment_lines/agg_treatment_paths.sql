with paths as (
    select * from {{ ref('int_treatment_paths') }}
),

final as (
    select
        path,
        n_lines,
        ended_by,
        cast(count(*) as integer) as n_patients
    from paths
    group by path, n_lines, ended_by
)

select * from final
