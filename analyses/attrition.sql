-- Whom each step of the protocol takes out, from all patients to the analysis set.
-- Runs as it stands on the published file (published/salvage.duckdb).
select
    protocol_id,
    step_number,
    step,
    n_remaining,
    n_excluded
from marts.agg_cohort_attrition
order by protocol_id, step_number
