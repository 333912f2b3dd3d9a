{#-
    The group of a patient, for sums over patients that are to show a mistake in one of them.

    patient_group(patient_number) -> integer, 0 to 999

    patient_number: INTEGER or BIGINT expression, not negative. NULL gives NULL. With the sum of
    the patients' numbers beside the count, a row that one patient of a group lacks and another
    one has too many still shows.
-#}
{% macro patient_group(patient_number) -%}
    mod({{ patient_number }}, 1000)
{%- endmacro %}
