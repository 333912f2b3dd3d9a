with exposure_counts as (
    select * from {{ ref('int_drug_exposure_counts') }}
),

name_ingredients as (
    select distinct written_name from {{ ref('int_drug_name_ingredients') }}
),

judged as (
    select
        exposure_counts.*,
        name_ingredients.written_name is not null as has_ingredient_or_is_unmapped
    from exposure_counts
    left join name_ingredients
        on exposure_counts.drug_name = name_ingredients.written_name
),

-- A condition that is NULL does not hold.
final as (
    select
        disposition,
        reason,
        drug_name,
        n_records
    from judged
    where
        not coalesce(
            case
                when disposition = 'accepted'
                    then
                        reason is null
                        and is_placed
                        and is_in_order
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
                when disposition = 'collapsed' then reason is null
                when disposition = 'quarantined' then reason is not null
            end,
            false
        )
)

select * from final
