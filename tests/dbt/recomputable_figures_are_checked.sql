with published as (
    select * from {{ ref('published_outcomes') }}
),

parts as (
    select * from {{ ref('published_parts') }}
),

integrity as (
    select * from {{ ref('dq_published_integrity') }}
),

recomputable as (
    select
        study_id,
        direction,
        measure,
        event_term,
        horizon_months,
        'percentage_from_counts' as check_kind
    from published
    where unit = 'percent' and numerator is not null
    union all
    select
        study_id,
        direction,
        measure,
        event_term,
        horizon_months,
        'standard_error_from_proportion' as check_kind
    from published
    where standard_error is not null
    union all
    select
        study_id,
        direction,
        measure,
        event_term,
        horizon_months,
        'interval_low_from_proportion' as check_kind
    from published
    where interval_low is not null
    union all
    select
        study_id,
        direction,
        measure,
        event_term,
        horizon_months,
        'interval_high_from_proportion' as check_kind
    from published
    where interval_high is not null
    union all
    select distinct
        study_id,
        whole_direction as direction,
        whole_measure as measure,
        cast(null as {{ dbt.type_string() }}) as event_term,
        cast(null as integer) as horizon_months,
        'parts_sum_to_whole' as check_kind
    from parts
),

final as (
    select recomputable.*
    from recomputable
    left join integrity
        on
            recomputable.study_id = integrity.study_id
            and recomputable.direction = integrity.direction
            and recomputable.measure = integrity.measure
            and recomputable.event_term is not distinct from integrity.event_term
            and recomputable.horizon_months
            is not distinct from integrity.horizon_months
            and recomputable.check_kind = integrity.check_kind
    where integrity.follows is null
)

select * from final
