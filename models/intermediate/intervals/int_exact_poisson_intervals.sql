with serious_event_counts as (
    select * from {{ ref('int_serious_event_counts') }}
),

final as (
    {{ poisson_intervals('serious_event_counts', 'n_patients_with_sae') | indent(4) }}
)

select * from final
