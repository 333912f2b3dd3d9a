with accounted as (
    select * from {{ ref('int_drug_exposures_accounted') }}
),

name_ingredients as (
    select distinct written_name from {{ ref('int_drug_name_ingredients') }}
),

judged as (
    select
        accounted.*,
        name_ingredients.written_name is not null as has_ingredient_or_is_unmapped
    from accounted
    left join name_ingredients
        on accounted.drug_name = name_ingredients.written_name
),

-- A condition that is NULL does not hold.
final as (
    select
        line_number,
        disposition,
        reason
    from judged
    where
        not coalesce(
            case
                when disposition = 'accepted'
                    then
                        reason is null
                        and patient_id is not null
                        and start_date is not null
                        and end_date >= start_date
                        and has_ingredient_or_is_unmapped
                        and (
                            stop_reason is null
                            or stop_reason in (
                                'failure',
                                'adverse_event',
                                'remission',
                                'completed',
                                'other',
                                'unknown'
                            )
                        )
                when disposition = 'quarantined' then reason is not null
                else false
            end,
            false
        )
)

select * from final
