{#-
    Does an era of a failed drug meet the protocol's rule on steroid-refractory disease?

    failed_era_is_refractory(
        protocol_id, patient_id, failed_ingredient, failed_era_start_date
    ) -> boolean, never NULL

    protocol_id, patient_id, failed_era_start_date, failed_ingredient: SQL expressions that say
    which era. In a clinic's files refractoriness is a fact about the patient, and every era
    meets the rule; a CDM has it from the corticosteroids given before the very era
    (int_steroid_refractory_eras). True where the protocol does not ask.
-#}
{% macro failed_era_is_refractory(
    protocol_id, patient_id, failed_ingredient, failed_era_start_date
) -%}
    {%- if salvage.is_omop() -%}
    (
        not exists (
            select 1
            from {{ ref('int_protocols') }} as asking
            where
                asking.protocol_id = {{ protocol_id }}
                and asking.require_steroid_refractory
        )
        or exists (
            select 1
            from {{ ref('int_steroid_refractory_eras') }} as refractory
            where
                refractory.protocol_id = {{ protocol_id }}
                and refractory.patient_id = {{ patient_id }}
                and refractory.failed_ingredient = {{ failed_ingredient }}
                and refractory.failed_era_start_date = {{ failed_era_start_date }}
        )
    )
    {%- else -%}
    true
    {%- endif -%}
{%- endmacro %}
