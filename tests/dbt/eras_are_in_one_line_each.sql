with eras as (
    select * from {{ ref('int_treatment_eras') }}
),

era_lines as (
    select * from {{ ref('int_era_lines') }}
),

lines as (
    select * from {{ ref('fct_treatment_lines') }}
),

-- An era whose line is not there, begins on another day or does not name its drug. A
-- line is found once at most, by its key.
in_no_line as (
    select
        era_lines.patient_id,
        era_lines.ingredient,
        era_lines.era_start_date
    from era_lines
    left join lines
        on
            cast(era_lines.patient_id as {{ dbt.type_string() }}) = lines.patient_id
            and era_lines.line_number = lines.line_number
            and era_lines.era_start_date = lines.line_start_date
    -- Not asked in the join, which then would compare all lines with all eras.
    where {{ is_in_list('era_lines.ingredient', 'lines.ingredients') }} is not true
),

-- And as many eras in all lines as there are.
counts as (
    select
        (select count(*) from eras) as n_eras,
        (select count(*) from era_lines) as n_eras_with_line,
        (select sum(n_eras) from lines) as n_eras_in_lines
),

final as (
    select
        cast(patient_id as {{ dbt.type_string() }}) as patient_id,
        ingredient,
        era_start_date,
        cast(null as bigint) as n_eras_in_lines
    from in_no_line
    union all
    select
        cast(null as {{ dbt.type_string() }}) as patient_id,
        cast(null as {{ dbt.type_string() }}) as ingredient,
        cast(null as date) as era_start_date,
        n_eras_in_lines
    from counts
    where
        n_eras_with_line <> n_eras
        or (n_eras > 0 and n_eras_in_lines is distinct from n_eras)
)

select * from final
