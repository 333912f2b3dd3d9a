with reporting_arms as (
    select * from {{ ref('int_reporting_arms') }}
),

definitions as (
    select * from {{ ref('int_definitions') }}
),

first_episodes as (
    select * from {{ ref('int_first_episode_counts') }}
),

final as (
    select
        reporting_arms.protocol_id,
        reporting_arms.arm_id,
        reporting_arms.arm_label,
        definitions.definition_id,
        cast(coalesce(sum(first_episodes.n_patients), 0) as integer) as n_patients,
        cast(
            coalesce(
                sum(
                    case
                        when
                            first_episodes.is_remission
                            and (
                                definitions.remission_within_days is null
                                or first_episodes.least_remission_limit
                                <= definitions.remission_within_days
                            )
                            then first_episodes.n_patients
                    end
                ),
                0
            ) as integer
        ) as n_remissions,
        cast(
            coalesce(
                sum(
                    case
                        when first_episodes.has_serious_event
                            then first_episodes.n_patients
                    end
                ),
                0
            ) as integer
        ) as n_patients_with_sae
    from reporting_arms
    inner join definitions
        on reporting_arms.protocol_id = definitions.protocol_id
    left join first_episodes
        on
            reporting_arms.protocol_id = first_episodes.protocol_id
            and reporting_arms.member_arm_id = first_episodes.arm_id
            and definitions.has_arm_windows = first_episodes.has_arm_windows
            and definitions.max_overlap_days = first_episodes.max_overlap_days
            and definitions.require_failure = first_episodes.require_failure
            and definitions.last_window_day = first_episodes.last_window_day
    group by
        reporting_arms.protocol_id,
        reporting_arms.arm_id,
        reporting_arms.arm_label,
        definitions.definition_id
)

select * from final
