with episodes as (
    select * from {{ ref('int_analysis_episodes') }}
),

failures as (
    select * from {{ ref('int_salvage_failures') }}
),

remissions as (
    select * from {{ ref('int_remissions') }}
),

-- The clock of remission starts with the remission, that of colectomy-free survival
-- with the salvage drug. Of colectomy and death on one day death is the event (SPEC 4);
-- a death after the last visit counts (docs/decisions/0005).
clocks as (
    select
        protocol_id,
        arm_id,
        patient_id,
        'remission' as outcome,
        remission_start_date as start_date,
        remission_end_date as end_date,
        loss_reason as event
    from remissions
    where is_remission
    union all
    select
        episodes.protocol_id,
        episodes.arm_id,
        episodes.patient_id,
        'colectomy_free' as outcome,
        episodes.salvage_start_date as start_date,
        coalesce(
            least(failures.colectomy_date, failures.death_date),
            episodes.observation_end_date
        ) as end_date,
        case
            when failures.death_date <= failures.colectomy_date then 'death'
            when failures.colectomy_date is not null then 'colectomy'
            when failures.death_date is not null then 'death'
        end as event
    from episodes
    inner join failures
        on
            episodes.protocol_id = failures.protocol_id
            and episodes.patient_id = failures.patient_id
),

final as (
    select
        protocol_id,
        arm_id,
        patient_id,
        outcome,
        {{ days_between('start_date', 'end_date') }} as duration_days,
        event,
        event is not null as is_event
    from clocks
)

select * from final
