with attributions as (
    select * from {{ ref('int_adverse_event_attributions') }}
),

final as (
    select
        protocol_id,
        arm_id,
        {{ as_text('patient_id') }} as patient_id,
        adverse_event_id,
        event_term,
        onset_date,
        severity_grade,
        is_serious,
        is_fatal,
        attribution
    from attributions
)

select * from final
