-- Remission in each arm with its 95% Wilson interval and duration.
-- Runs as it stands on the published file (published/salvage.duckdb).
select
    protocol_id,
    arm_label,
    n_patients,
    n_remissions,
    round(100 * remission_rate, 1) as remission_percent,
    round(100 * wilson_low, 1) as wilson_low_percent,
    round(100 * wilson_high, 1) as wilson_high_percent,
    round(mean_months, 1) as mean_months,
    round(min_months, 2) as min_months,
    round(max_months, 2) as max_months
from marts.agg_remission_by_arm
order by protocol_id, arm_id = 'all', arm_label
