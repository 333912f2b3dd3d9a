with procedures as (
    select * from {{ ref('int_procedures_accounted') }}
),

procedure_names as (
    select * from {{ ref('int_procedure_names') }}
),

written_names as (
    select distinct procedure_name
    from procedures
    where disposition = 'accepted'
),

folded as (
    select
        procedure_name as written_name,
        {{ folded_name('procedure_name') }} as procedure_name
    from written_names
),

final as (
    select
        folded.written_name,
        coalesce(procedure_names.procedure_group, 'unmapped') as procedure_group
    from folded
    left join procedure_names
        on folded.procedure_name = procedure_names.procedure_name
)

select * from final
