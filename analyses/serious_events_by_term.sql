-- Treatment-emergent serious adverse events by arm and term.
-- Runs as it stands on the published file (published/salvage.duckdb).
select
    protocol_id,
    arm_id,
    lower(event_term) as event_term,
    count(*) as n_events,
    count(distinct patient_id) as n_patients,
    count(distinct case when is_fatal then patient_id end) as n_deaths
from marts.fct_adverse_events
where
    is_serious
    and attribution = 'treatment_emergent'
group by protocol_id, arm_id, lower(event_term)
order by protocol_id, arm_id, n_patients desc, event_term
