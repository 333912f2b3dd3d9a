{#-
    Data test: a condition holds in every row it applies to; a NULL condition fails.

    always_true(model, condition, applies_to)

    condition: SQL boolean expression over the model's columns. applies_to: SQL condition that
    limits the rows asked (default: all); a row for which it is NULL is asked too, since nobody
    knows that it is excused. Fails with the rows for which the condition is false or NULL.
-#}
{% test always_true(model, condition, applies_to='true') %}
select *
from {{ model }}
where
    ({{ applies_to }}) is not false
    and ({{ condition }}) is not true
{% endtest %}
