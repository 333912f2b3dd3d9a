{#-
    Which records are copies of an earlier one, and which keys are contradicted (SPEC 1,
    collapsing and step 5).

    numbered_copies(relation, source_name, table_name)
        -> query: all columns of relation, copy_number, is_key_contradicted

    relation: output of typed_cells. copy_number: 1 for the record on the lowest line among
    those equal in reason and in all typed columns (NULL equals NULL), 2, 3 ... for its
    copies. is_key_contradicted: among the records that no reason keeps out so far, does
    another one have the same key and other content? Never NULL.

    Of the CDM's drug exposures none is a copy and no key is contradicted: a repeated
    drug_exposure_id is counted in dq_omop_records, and kept (docs/decisions/0022).
-#}
{% macro numbered_copies(relation, source_name, table_name) -%}
    {%- set columns = salvage.input_columns(source_name, table_name) -%}
    {%- if salvage.is_omop() and table_name == 'drug_exposures' -%}
    select
        *,
        1 as copy_number,
        false as is_key_contradicted
    from {{ relation }}
    {%- else -%}
    with numbered as (
        select
            *,
            row_number() over (
                partition by
                    reason
                    {%- for column in columns %},
                    {{ column.name }}
                    {%- endfor %}
                order by line_number
            ) as copy_number
        from {{ relation }}
    )

    select
        *,
        sum(case when reason is null and copy_number = 1 then 1 else 0 end) over (
            partition by
                {%- for column in columns if column.is_key %}
                {{ column.name }}{{ ',' if not loop.last }}
                {%- else %}
                line_number
                {%- endfor %}
        ) > 1 as is_key_contradicted
    from numbered
    {%- endif -%}
{%- endmacro %}
