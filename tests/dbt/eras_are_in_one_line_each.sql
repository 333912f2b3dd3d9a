with eras as (
    select * from {{ ref('int_treatment_eras') }}
),

era_lines as (
    select * from {{ ref('int_era_lines') }}
),

lines as (
    select * from {{ ref('fct_treatment_lines') }}
),

-- As many rows for an era as there are lines that begin with it and name its drug.
in_lines as (
    select
        eras.patient_id,
        eras.ingredient,
        eras.era_start_date,
        -- Not asked in the join, which then would compare all lines with all eras.
        count(
            case
                when {{ is_in_list('era_lines.ingredient', 'lines.ingredients') }}
                    then lines.line_number
            end
        ) as n_lines
    from eras
    left join era_lines
        on
            eras.patient_id = era_lines.patient_id
            and eras.ingredient = era_lines.ingredient
            and eras.era_start_date = era_lines.era_start_date
    left join lines
        on
            cast(era_lines.patient_id as {{ dbt.type_string() }}) = lines.patient_id
            and era_lines.line_number = lines.line_number
            and era_lines.era_start_date = lines.line_start_date
    group by eras.patient_id, eras.ingredient, eras.era_start_date
),

-- And as many eras in all lines as there are.
counts as (
    select
        (select count(*) from eras) as n_eras,
        (select sum(n_eras) from lines) as n_eras_in_lines
),

final as (
    select
        cast(patient_id as {{ dbt.type_string() }}) as patient_id,
        ingredient,
        era_start_date,
        n_lines
    from in_lines
    where n_lines <> 1
    union all
    select
        cast(null as {{ dbt.type_string() }}) as patient_id,
        cast(null as {{ dbt.type_string() }}) as ingredient,
        cast(null as date) as era_start_date,
        n_eras_in_lines as n_lines
    from counts
    where n_eras > 0 and n_eras_in_lines is distinct from n_eras
)

select * from final
