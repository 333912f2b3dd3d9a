with waiting as (
    select * from {{ ref('int_failed_eras_without_alternate') }}
),

patients as (
    select * from {{ ref('int_patients') }}
),

procedures as (
    select * from {{ ref('int_procedures_accounted') }}
),

procedure_groups as (
    select * from {{ ref('int_procedure_name_groups') }}
),

colectomies as (
    select
        procedures.patient_id,
        procedures.procedure_date
    from procedures
    inner join procedure_groups
        on procedures.procedure_name = procedure_groups.written_name
    where
        procedures.disposition = 'accepted'
        and procedure_groups.procedure_group = 'colectomy'
),

events as (
    select
        patient_id,
        known_death_date as death_date,
        cast(null as date) as colectomy_date,
        known_death_date as event_date
    from patients
    union all
    select
        patient_id,
        cast(null as date) as death_date,
        procedure_date as colectomy_date,
        procedure_date as event_date
    from colectomies
),

final as (
    select
        waiting.protocol_id,
        waiting.arm_id,
        waiting.patient_id,
        min(events.death_date) as death_date,
        min(events.colectomy_date) as colectomy_date
    from waiting
    inner join events
        on
            waiting.patient_id = events.patient_id
            and {{ is_within_days_after(
                'events.event_date', 'waiting.failed_era_end_date', 'waiting.window_days'
            ) }}
    group by waiting.protocol_id, waiting.arm_id, waiting.patient_id
)

select * from final
