with compared_counts as (
    select * from {{ ref('int_compared_counts') }}
),

final as (
    {{ fisher_exact_tests(
        'compared_counts', 'n_events', 'n_patients', 'other_n_events', 'other_n_patients'
    ) | indent(4) }}
)

select * from final
