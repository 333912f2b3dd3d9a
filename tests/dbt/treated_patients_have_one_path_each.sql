with lines as (
    select * from {{ ref('fct_treatment_lines') }}
),

paths as (
    select * from {{ ref('agg_treatment_paths') }}
),

patients as (
    select
        patient_id,
        max(line_number) as n_lines
    from lines
    where patient_id is not null
    group by patient_id
),

patient_counts as (
    select
        n_lines,
        count(*) as n_patients
    from patients
    group by n_lines
),

path_counts as (
    select
        n_lines,
        sum(n_patients) as n_patients
    from paths
    group by n_lines
),

final as (
    select
        patient_counts.n_lines,
        patient_counts.n_patients,
        path_counts.n_patients as n_patients_in_paths
    from patient_counts
    full outer join path_counts
        on patient_counts.n_lines = path_counts.n_lines
    where patient_counts.n_patients is distinct from path_counts.n_patients
)

select * from final
