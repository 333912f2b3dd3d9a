{#-
    Text records to typed ones, each with the first reason of SPEC 1, steps 1 to 4, that
    keeps it out.

    typed_cells(relation, source_name, table_name)
        -> query: line_number, <typed columns>, reason, column_name

    relation: a CTE or table with line_number, has_wrong_field_count and the text columns.
    reason: NULL for a record whose cells are all of their kind; else wrong_field_count,
    field_too_long, missing_required, bad_id, bad_date, bad_number, bad_boolean or
    bad_code. column_name: the first such column in the contract's order, NULL for
    wrong_field_count. A cell is trimmed of Unicode white space; an empty one is NULL. A
    typed cell is NULL where it is empty or not of its kind; of kind flag: false where empty.
-#}
{% macro typed_cells(relation, source_name, table_name) -%}
    {%- set columns = salvage.input_columns(source_name, table_name) -%}
    with trimmed as (
        select
            line_number,
            has_wrong_field_count,
            case
                {%- for column in columns %}
                when length({{ column.name }}) > {{ var('max_cell_characters') }}
                    then '{{ column.name }}'
                {%- endfor %}
            end as too_long_column
            {%- for column in columns %},
            nullif({{ salvage.trimmed_cell(column.name) }}, '') as {{ column.name }}
            {%- endfor %}
        from {{ relation }}
    ),

    parsed as (
        select
            line_number,
            has_wrong_field_count,
            too_long_column
            {%- for column in columns %},
            {{ column.name }} as {{ column.name }}_cell,
            {{ salvage.parsed_cell(column.name, column.kind, column.codes) }}
                as {{ column.name }}
            {%- endfor %}
        from trimmed
    ),

    judged as (
        select
            *,
            case
                {%- for column in columns if column.is_required %}
                when {{ column.name }}_cell is null then '{{ column.name }}'
                {%- else %}
                when false then ''
                {%- endfor %}
            end as missing_column,
            case
                {%- for column in columns %}
                when {{ column.name }} is null and {{ column.name }}_cell is not null
                    then '{{ column.name }}'
                {%- endfor %}
            end as bad_column
        from parsed
    )

    select
        line_number,
        {%- for column in columns %}
        {% if column.kind == 'flag' -%}
        coalesce({{ column.name }}, false) as {{ column.name }},
        {%- else -%}
        {{ column.name }},
        {%- endif -%}
        {%- endfor %}
        case
            when has_wrong_field_count then 'wrong_field_count'
            when too_long_column is not null then 'field_too_long'
            when missing_column is not null then 'missing_required'
            {%- for column in columns if column.kind != 'text' %}
            when bad_column = '{{ column.name }}'
                then '{{ salvage.bad_cell_reason(column.kind) }}'
            {%- endfor %}
        end as reason,
        case
            when not has_wrong_field_count
                then coalesce(too_long_column, missing_column, bad_column)
        end as column_name
    from judged
{%- endmacro %}

{#- The reason of SPEC 1, step 4, for a cell that is not of its kind. -#}
{% macro bad_cell_reason(kind) -%}
    {{ return({
        'id': 'bad_id',
        'date': 'bad_date',
        'boolean': 'bad_boolean',
        'flag': 'bad_boolean',
        'number': 'bad_number',
        'positive_number': 'bad_number',
        'count': 'bad_number',
        'positive_count': 'bad_number',
        'days': 'bad_number',
        'grade': 'bad_number',
        'code': 'bad_code',
    }[kind]) }}
{%- endmacro %}
