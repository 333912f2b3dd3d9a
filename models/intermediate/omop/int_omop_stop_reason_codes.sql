with exposures as (
    select * from {{ ref('stg_omop__drug_exposure') }}
),

stop_reasons as (
    select * from {{ ref('int_omop_stop_reasons') }}
),

written as (
    select distinct stop_reason as written_stop_reason
    from exposures
    where stop_reason is not null
),

folded as (
    select
        written_stop_reason,
        {{ folded_name('written_stop_reason') }} as source_stop_reason
    from written
),

final as (
    select
        folded.written_stop_reason,
        stop_reasons.stop_reason
    from folded
    inner join stop_reasons
        on folded.source_stop_reason = stop_reasons.source_stop_reason
)

select * from final
