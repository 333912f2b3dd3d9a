with rules as (
    {{ own_or_shipped('omop_stop_reasons') }}
),

final as (
    select
        {{ folded_name('source_stop_reason') }} as source_stop_reason,
        stop_reason
    from rules
)

select * from final
