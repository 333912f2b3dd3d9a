{%- set durations = ['mean', 'min', 'max'] -%}
with counts as (
    select * from {{ ref('int_outcome_counts') }}
),

follow_up as (
    select * from {{ ref('int_follow_up_counts') }}
),

remissions as (
    select * from {{ ref('int_remission_counts') }}
),

survival_at_horizons as (
    select * from {{ ref('agg_survival_at_horizons') }}
),

colectomies_at_horizons as (
    select * from {{ ref('int_colectomies_at_horizons') }}
),

proportions as (
    select
        protocol_id,
        arm_id,
        outcome,
        event_term,
        cast(null as integer) as horizon_months,
        n_patients as observed_n,
        n_events,
        {{ proportion('n_events', 'n_patients') }} as observed_rate,
        {{ wilson_low('n_events', 'n_patients') }} as observed_low,
        {{ wilson_high('n_events', 'n_patients') }} as observed_high,
        cast(null as {{ double_type() }}) as observed_value,
        cast(null as {{ dbt.type_string() }}) as interval_missing_reason,
        case when n_patients = 0 then 'no_patients' end as missing_reason
    from counts
),

values_by_arm as (
    select
        protocol_id,
        arm_id,
        'patients' as outcome,
        n_patients as observed_n,
        cast(n_patients as {{ double_type() }}) as observed_value,
        cast(null as {{ dbt.type_string() }}) as missing_reason
    from follow_up
    union all
    select
        protocol_id,
        arm_id,
        'median_gap_days' as outcome,
        n_patients as observed_n,
        cast(median_gap_days as {{ double_type() }}) as observed_value,
        case when n_patients = 0 then 'no_patients' end as missing_reason
    from follow_up
    union all
    select
        protocol_id,
        arm_id,
        'median_follow_up_months' as outcome,
        n_patients as observed_n,
        {{ days_to_months('median_follow_up_days', 'days_per_month') }}
            as observed_value,
        case when n_patients = 0 then 'no_patients' end as missing_reason
    from follow_up
    {%- for duration in durations %}
    union all
    select
        protocol_id,
        arm_id,
        '{{ duration }}_months' as outcome,
        n_remissions as observed_n,
        {{ days_to_months(duration ~ '_days', 'days_per_month') }} as observed_value,
        case
            when n_patients = 0 then 'no_patients'
            when n_remissions = 0 then 'no_remissions'
        end as missing_reason
    from remissions
    {%- endfor %}
),

colectomy_free as (
    select
        *,
        -- A missing interval does not take away the estimate.
        case when survival is null then missing_reason end as survival_missing_reason,
        case when survival is not null and ci_low is null then missing_reason end
            as interval_missing_reason
    from survival_at_horizons
    where outcome = 'colectomy_free'
),

final as (
    select * from proportions
    union all
    select
        protocol_id,
        arm_id,
        'colectomy_free_at_horizon' as outcome,
        cast(null as {{ dbt.type_string() }}) as event_term,
        horizon_months,
        cast(n_patients as integer) as observed_n,
        cast(null as integer) as n_events,
        survival as observed_rate,
        ci_low as observed_low,
        ci_high as observed_high,
        cast(null as {{ double_type() }}) as observed_value,
        interval_missing_reason,
        survival_missing_reason as missing_reason
    from colectomy_free
    union all
    select
        colectomy_free.protocol_id,
        colectomy_free.arm_id,
        'colectomy_at_horizon' as outcome,
        cast(null as {{ dbt.type_string() }}) as event_term,
        colectomy_free.horizon_months,
        cast(colectomy_free.n_patients as integer) as observed_n,
        cast(null as integer) as n_events,
        colectomies_at_horizons.incidence as observed_rate,
        colectomies_at_horizons.ci_low as observed_low,
        colectomies_at_horizons.ci_high as observed_high,
        cast(null as {{ double_type() }}) as observed_value,
        colectomies_at_horizons.interval_missing_reason,
        colectomy_free.survival_missing_reason as missing_reason
    from colectomy_free
    left join colectomies_at_horizons
        on
            colectomy_free.protocol_id = colectomies_at_horizons.protocol_id
            and colectomy_free.arm_id = colectomies_at_horizons.arm_id
            and colectomy_free.horizon_months = colectomies_at_horizons.horizon_months
    union all
    select
        protocol_id,
        arm_id,
        outcome,
        cast(null as {{ dbt.type_string() }}) as event_term,
        cast(null as integer) as horizon_months,
        observed_n,
        cast(null as integer) as n_events,
        cast(null as {{ double_type() }}) as observed_rate,
        cast(null as {{ double_type() }}) as observed_low,
        cast(null as {{ double_type() }}) as observed_high,
        observed_value,
        cast(null as {{ dbt.type_string() }}) as interval_missing_reason,
        missing_reason
    from values_by_arm
)

select * from final
