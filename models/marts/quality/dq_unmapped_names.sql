with input_files as (
    select * from {{ ref('stg_clinic__input_files') }}
),

exposures as (
    select * from {{ ref('int_drug_exposures') }}
),

procedures as (
    select * from {{ ref('int_procedures_accounted') }}
),

procedure_groups as (
    select * from {{ ref('int_procedure_name_groups') }}
),

unmapped as (
    select
        'drug_exposures' as table_name,
        line_number,
        'drug_name' as column_name
    from exposures
    where ingredient = 'unmapped'
    union all
    select
        'procedures' as table_name,
        procedures.line_number,
        'procedure_name' as column_name
    from procedures
    inner join procedure_groups
        on procedures.procedure_name = procedure_groups.written_name
    where
        procedures.disposition = 'accepted'
        and procedure_groups.procedure_group = 'unmapped'
),

final as (
    select
        unmapped.table_name,
        input_files.file_name,
        unmapped.line_number,
        unmapped.column_name
    from unmapped
    left join input_files
        on unmapped.table_name = input_files.table_name
)

select * from final
