{#-
    Columns of a relation, for a select list or `group by`.

    columns_of(relation_name, columns) -> "name.a, name.b"

    relation_name: name of a relation in scope. columns: list of column names.
-#}
{% macro columns_of(relation_name, columns) -%}
    {%- for column in columns -%}
        {{ relation_name }}.{{ column }}
        {%- if not loop.last %}, {% endif -%}
    {%- endfor -%}
{%- endmacro %}

{#-
    Condition of a join by columns of the same names; NULL meets nothing.

    columns_match(left_name, right_name, columns) -> boolean

    left_name, right_name: names of relations in scope. columns: list of column names.
-#}
{% macro columns_match(left_name, right_name, columns) -%}
    {%- for column in columns -%}
        {{ left_name }}.{{ column }} = {{ right_name }}.{{ column }}
        {%- if not loop.last %} and {% endif -%}
    {%- endfor -%}
{%- endmacro %}
