{{ config(tags=['development']) }}
{#- White space is Unicode's White_Space property, nothing more. -#}
{%- set white_space = [
    9, 10, 11, 12, 13, 32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199,
    8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288
] -%}
{#- File to unit separator, soft hyphen, zero-width space and joiners, BOM. -#}
{%- set no_white_space = [28, 29, 30, 31, 173, 6158, 8203, 8204, 8205, 8288, 65279] -%}

with cases (case_name, cell, expected) as (
    values
    {%- for code_point in white_space %}
    (
        'white_space_{{ code_point }}',
        chr({{ code_point }}) || 'a' || chr({{ code_point }}) || 'b'
        || chr({{ code_point }}) || chr({{ code_point }}),
        'a' || chr({{ code_point }}) || 'b'
    ),
    {%- endfor %}
    {%- for code_point in no_white_space %}
    (
        'no_white_space_{{ code_point }}',
        chr({{ code_point }}) || 'a' || chr({{ code_point }}),
        chr({{ code_point }}) || 'a' || chr({{ code_point }})
    ),
    {%- endfor %}
    ('mixed', chr(160) || ' ' || chr(12288) || 'a' || chr(9) || chr(10), 'a'),
    ('nothing_to_trim', 'a', 'a'),
    ('white_space_only', ' ' || chr(160), ''),
    ('empty', '', ''),
    ('no_cell', cast(null as varchar), cast(null as varchar))
),

computed as (
    select
        case_name,
        expected,
        {{ trimmed_cell('cell') }} as actual
    from cases
)

select *
from computed
where actual is distinct from expected
