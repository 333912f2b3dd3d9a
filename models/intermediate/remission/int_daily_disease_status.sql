with accounted as (
    select * from {{ ref('int_disease_assessments_accounted') }}
),

ranked as (
    select
        patient_id,
        assessment_date,
        max(
            case disease_status
                when 'active' then 3
                when 'response' then 2
                when 'remission' then 1
            end
        ) as severity
    from accounted
    where disposition = 'accepted'
    group by patient_id, assessment_date
),

-- Of several assessments on one day the worst counts (SPEC 4).
final as (
    select
        patient_id,
        assessment_date,
        case severity
            when 3 then 'active'
            when 2 then 'response'
            when 1 then 'remission'
        end as disease_status
    from ranked
)

select * from final
