with counts as (
    select * from {{ ref('int_lost_before_salvage_counts') }}
),

added as (
    select
        *,
        n_died + n_colectomy as n_lost_before_salvage
    from counts
),

final as (
    select
        protocol_id,
        arm_id,
        arm_label,
        n_at_risk,
        n_salvaged,
        n_lost_before_salvage,
        n_died,
        n_colectomy,
        n_at_risk - n_salvaged - n_lost_before_salvage as n_other,
        {{ proportion('n_lost_before_salvage', 'n_at_risk') }} as lost_share,
        {{ wilson_low('n_lost_before_salvage', 'n_at_risk') }} as wilson_low,
        {{ wilson_high('n_lost_before_salvage', 'n_at_risk') }} as wilson_high
    from added
)

select * from final
