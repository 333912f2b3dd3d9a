{#-
    What became of a record (SPEC 1): accepted, collapsed or quarantined.

    disposition(reason, copy_number) -> text, never NULL

    reason: SQL expression, the reason that keeps the record out, or NULL. A copy of a
    quarantined record has the same content, hence the same reason, and goes with it.
-#}
{% macro disposition(reason, copy_number) -%}
    case
        when {{ reason }} is not null then 'quarantined'
        when {{ copy_number }} > 1 then 'collapsed'
        else 'accepted'
    end
{%- endmacro %}
