-- The links of a Sankey diagram: from each line of treatment to the next or to the end.
-- Runs as it stands on the published file (published/salvage.duckdb).
with steps as (
    select
        path,
        n_lines,
        ended_by,
        n_patients,
        unnest(range(1, n_lines + 1)) as step
    from marts.agg_treatment_paths
)

select
    step,
    path[step] as treatment,
    case when step = n_lines then ended_by else path[step + 1] end as next_node,
    sum(n_patients) as n_patients
from steps
group by step, treatment, next_node
order by step, n_patients desc, treatment, next_node
