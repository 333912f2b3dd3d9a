with lines as (
    select * from {{ ref('int_treatment_lines') }}
),

final as (
    select
        cast(patient_id as {{ dbt.type_string() }}) as patient_id,
        line_number,
        {{ list_as_text('ingredients', ' + ') }} as treatment,
        ingredients,
        line_start_date,
        line_end_date,
        last_drug_date,
        end_reason,
        is_repeat,
        n_eras
    from lines
)

select * from final
