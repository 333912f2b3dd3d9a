{#-
    Data test: the columns together are a key; a NULL in any of them fails.

    unique_together(model, columns)

    columns: list of column names, the grain of the model. Fails with the repeated or
    incomplete keys and how often each occurs.
-#}
{% test unique_together(model, columns) %}
select
    {{ columns | join(', ') }},
    count(*) as n_rows
from {{ model }}
group by {{ columns | join(', ') }}
having
    count(*) > 1
    {%- for column in columns %}
    or {{ column }} is null
    {%- endfor %}
{% endtest %}
