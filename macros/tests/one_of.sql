{#-
    Data test: every value is one of a list; NULL fails (dbt's accepted_values lets it pass).

    one_of(model, column_name, values, allow_null=false)

    values: list of texts. allow_null: true where the column's meaning has a NULL.
-#}
{% test one_of(model, column_name, values, allow_null=false) %}
select {{ column_name }}
from {{ model }}
where
    {% if allow_null -%}
    {{ column_name }} is not null and
    {%- endif %}
    ({{ column_name }} in ('{{ values | join("', '") }}')) is not true
{% endtest %}
