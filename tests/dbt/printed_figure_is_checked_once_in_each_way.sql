with integrity as (
    select * from {{ ref('dq_published_integrity') }}
),

-- event_term and horizon_months may be null: to group by, null is a value.
final as (
    select
        study_id,
        direction,
        measure,
        event_term,
        horizon_months,
        check_kind,
        count(*) as n_rows
    from integrity
    group by study_id, direction, measure, event_term, horizon_months, check_kind
    having count(*) > 1
)

select * from final
