with rules as (
    {{ own_or_shipped('omop_adverse_events') }}
),

final as (
    select
        event_term,
        {{ folded_name('concept_set') }} as concept_set,
        clean_window_days,
        is_serious_if_inpatient,
        fatal_within_days
    from rules
)

select * from final
