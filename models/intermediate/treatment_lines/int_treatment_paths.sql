with lines as (
    select * from {{ ref('int_treatment_lines') }}
),

final as (
    select
        patient_id,
        {{ sorted_list(list_as_text('ingredients', ' + '), 'line_number') }} as path,
        cast(count(*) as integer) as n_lines,
        -- Only the last line has one.
        max(path_end) as ended_by
    from lines
    group by patient_id
)

select * from final
