{#-
    Data test: a condition holds in every row; a NULL condition fails.

    always_true(model, condition, applies_to)

    condition: SQL boolean expression over the model's columns. applies_to: SQL condition that
    limits the rows asked (default: all). Fails with the rows for which the condition is false or NULL.
-#}
{% test always_true(model, condition, applies_to='true') %}
select *
from {{ model }}
where
    ({{ applies_to }})
    and ({{ condition }}) is not true
{% endtest %}
