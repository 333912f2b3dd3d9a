-- Everything that happened to one patient, in order; days count from the start of the
-- salvage drug of the analysis episode (null outside the analysis set).
-- Runs as it stands on the published file (published/salvage.duckdb); the first CTE
-- names the patient.
with chosen as (
    select 'P003' as patient_id
),

salvage_start as (
    select min(salvage_start_date) as salvage_start_date
    from marts.fct_remissions
    inner join chosen using (patient_id)
),

happenings as (
    select
        era_start_date as start_date,
        era_end_date as end_date,
        'drug era' as what,
        ingredient as detail
    from marts.fct_drug_eras
    inner join chosen using (patient_id)
    union all
    select
        remission_start_date as start_date,
        remission_end_date as end_date,
        'remission' as what,
        coalesce('ended by ' || loss_reason, 'censored') as detail
    from marts.fct_remissions
    inner join chosen using (patient_id)
    where is_remission
    union all
    select distinct
        onset_date as start_date,
        onset_date as end_date,
        case when is_serious then 'serious event' else 'event' end as what,
        event_term as detail
    from marts.fct_adverse_events
    inner join chosen using (patient_id)
    union all
    select
        observation_end_date as start_date,
        observation_end_date as end_date,
        'end of observation' as what,
        null as detail
    from marts.dim_patients
    inner join chosen using (patient_id)
    union all
    select
        death_date as start_date,
        death_date as end_date,
        'death' as what,
        null as detail
    from marts.dim_patients
    inner join chosen using (patient_id)
    where death_date is not null
)

select
    happenings.start_date,
    happenings.end_date,
    date_diff('day', salvage_start.salvage_start_date, happenings.start_date)
        as days_from_salvage,
    happenings.what,
    happenings.detail
from happenings
cross join salvage_start
order by happenings.start_date nulls last, happenings.what, happenings.detail
