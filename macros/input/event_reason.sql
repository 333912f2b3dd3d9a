{#-
    The first reason of SPEC 1, steps 5 to 11, that keeps a record of something that
    happened to a patient out.

    event_reason(event_date, end_date=none) -> text expression; NULL: none does

    event_date: the column with the start, assessment, procedure or onset date; end_date:
    the column with the end or resolution date, where the table has one. Expects in scope:
    is_key_contradicted, and of the accepted patient (all NULL if there is none):
    accepted_patient_id, birth_date, death_date, observation_end_date.
    The birth day, the day of death and the last day of observation are all allowed.
    A NULL date is neither before nor after anything.
-#}
{% macro event_reason(event_date, end_date=none) -%}
    case
        when is_key_contradicted then 'duplicate_key'
        when accepted_patient_id is null then 'orphan_patient'
        {%- if end_date is not none %}
        when {{ end_date }} < {{ event_date }} then 'end_before_start'
        {%- endif %}
        when {{ event_date }} < birth_date then 'before_birth'
        when {{ event_date }} > death_date then 'after_death'
        when {{ event_date }} > observation_end_date then 'after_cutoff'
    end
{%- endmacro %}

{#-
    The column that a reason of event_reason names.

    event_reason_column(reason, key, event_date, end_date=none) -> text expression; NULL
    where reason is NULL

    reason: SQL expression. key, event_date, end_date: column names.
-#}
{% macro event_reason_column(reason, key, event_date, end_date=none) -%}
    case
        when {{ reason }} = 'duplicate_key' then '{{ key }}'
        when {{ reason }} = 'orphan_patient' then 'patient_id'
        {%- if end_date is not none %}
        when {{ reason }} = 'end_before_start' then '{{ end_date }}'
        {%- endif %}
        when {{ reason }} in ('before_birth', 'after_death', 'after_cutoff')
            then '{{ event_date }}'
    end
{%- endmacro %}
