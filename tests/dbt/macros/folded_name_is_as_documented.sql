{{ config(tags=['development']) }}

with cases (case_name, name, expected) as (
    values
    ('lower_case', 'infliximab', 'infliximab'),
    ('capitals', 'REMICADE', 'remicade'),
    ('full_width', 'Ｒｅｍｉｃａｄｅ', 'remicade'),
    ('ligature', 'inﬂiximab', 'infliximab'),
    ('sharp_s', 'Spritze Groß', 'spritze gross'),
    ('superscript', 'Humira²', 'humira2'),
    ('surrounding_space', '  Neoral' || chr(9), 'neoral'),
    ('ideographic_space', chr(12288) || 'Neoral' || chr(12288), 'neoral'),
    ('spaces_inside', 'Cyclosporine   A', 'cyclosporine a'),
    ('no_break_space_inside', 'Cyclosporine' || chr(160) || 'A', 'cyclosporine a'),
    ('line_break_inside', 'Cyclosporine' || chr(10) || 'A', 'cyclosporine a'),
    ('composed', 'Caf' || chr(233), 'caf' || chr(233)),
    ('decomposed', 'Cafe' || chr(769), 'caf' || chr(233)),
    ('greek_capitals', 'ΚΥΚΛΟΣΠΟΡΙΝΗ', 'κυκλοσπορινη'),
    ('unit_separator_is_no_space', 'Neoral' || chr(31), 'neoral' || chr(31)),
    ('zero_width_space_is_no_space', 'Neoral' || chr(8203), 'neoral' || chr(8203)),
    ('hyphen_is_kept', 'Infliximab-dyyb', 'infliximab-dyyb'),
    ('white_space_only', ' ' || chr(160), ''),
    ('empty', '', ''),
    ('no_name', cast(null as varchar), cast(null as varchar))
),

computed as (
    select
        case_name,
        expected,
        {{ folded_name('name') }} as actual
    from cases
)

select *
from computed
where actual is distinct from expected
