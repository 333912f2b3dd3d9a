with compared_counts as (
    select * from {{ ref('int_compared_counts') }}
),

fisher_tests as (
    select * from {{ ref('int_fisher_tests') }}
),

compared_times as (
    select * from {{ ref('int_compared_times') }}
),

log_rank_tests as (
    select * from {{ ref('int_log_rank_tests') }}
),

proportions as (
    select
        compared_counts.*,
        'fisher_exact' as test,
        cast(null as {{ double_type() }}) as chi_square,
        fisher_tests.p_value
    from compared_counts
    left join fisher_tests
        on
            compared_counts.n_events = fisher_tests.n_events
            and compared_counts.n_patients = fisher_tests.n_total
            and compared_counts.other_n_events = fisher_tests.other_n_events
            and compared_counts.other_n_patients = fisher_tests.other_n_total
),

times as (
    select
        compared_times.*,
        'log_rank' as test,
        log_rank_tests.chi_square,
        log_rank_tests.p_value
    from compared_times
    left join log_rank_tests
        on
            compared_times.protocol_id = log_rank_tests.protocol_id
            and compared_times.outcome = log_rank_tests.outcome
            and compared_times.arm_id = log_rank_tests.arm_id
            and compared_times.other_arm_id = log_rank_tests.other_arm
),

tests as (
    select
        protocol_id,
        outcome,
        arm_id,
        other_arm_id,
        n_patients,
        other_n_patients,
        n_events,
        other_n_events,
        test,
        chi_square,
        p_value
    from proportions
    union all
    select
        protocol_id,
        case outcome
            when 'remission' then 'remission_duration'
            else 'colectomy_free_survival'
        end as outcome,
        arm_id,
        other_arm_id,
        n_patients,
        other_n_patients,
        n_events,
        other_n_events,
        test,
        chi_square,
        p_value
    from times
),

final as (
    select
        protocol_id,
        outcome,
        arm_id,
        other_arm_id,
        cast(n_patients as integer) as n_patients,
        cast(other_n_patients as integer) as other_n_patients,
        cast(n_events as integer) as n_events,
        cast(other_n_events as integer) as other_n_events,
        test,
        chi_square,
        p_value,
        case
            when n_patients = 0 or other_n_patients = 0 then 'no_patients'
            when p_value is null and n_events + other_n_events = 0 then 'no_events'
            when p_value is null then 'nothing_to_compare'
        end as missing_reason
    from tests
)

select * from final
