{{ config(tags=['development']) }}
{#-
    The input contract beside SPEC 1, column by column in its order: what an empty cell and
    what a cell that is not of its kind come to. `~` is an id, a date, a number, a boolean
    or a code nowhere.
-#}
{%- set sources = {
    'patients': 'clinic',
    'drug_exposures': 'clinic',
    'disease_assessments': 'clinic',
    'procedures': 'clinic',
    'adverse_events': 'clinic',
    'protocols': 'own_reference',
    'protocol_arms': 'own_reference',
    'ingredients': 'own_reference',
    'drug_names': 'own_reference',
    'procedure_names': 'own_reference',
} -%}
{#- A good cell of each kind, for the columns that a case is not about. -#}
{%- set good_cells = {
    'id': 'X1', 'text': 'x', 'date': '2008-01-01', 'boolean': 'yes', 'flag': 'no',
    'number': '1', 'positive_number': '1', 'count': '1', 'days': '1', 'grade': '1',
} -%}

with spec (table_name, column_number, column_name, reason_if_empty, reason_if_bad) as (
    values
    ('patients', 1, 'patient_id', 'missing_required', 'bad_id'),
    ('patients', 2, 'birth_date', null, 'bad_date'),
    ('patients', 3, 'sex', null, 'bad_code'),
    ('patients', 4, 'diagnosis', null, null),
    ('patients', 5, 'diagnosis_date', null, 'bad_date'),
    ('patients', 6, 'steroid_refractory', null, 'bad_boolean'),
    ('patients', 7, 'last_follow_up_date', 'missing_required', 'bad_date'),
    ('patients', 8, 'death_date', null, 'bad_date'),
    ('drug_exposures', 1, 'exposure_id', 'missing_required', 'bad_id'),
    ('drug_exposures', 2, 'patient_id', 'missing_required', 'bad_id'),
    ('drug_exposures', 3, 'drug_name', 'missing_required', null),
    ('drug_exposures', 4, 'route', null, null),
    ('drug_exposures', 5, 'dose', null, 'bad_number'),
    ('drug_exposures', 6, 'dose_unit', null, null),
    ('drug_exposures', 7, 'start_date', 'missing_required', 'bad_date'),
    ('drug_exposures', 8, 'end_date', null, 'bad_date'),
    ('drug_exposures', 9, 'stop_reason', null, 'bad_code'),
    ('disease_assessments', 1, 'assessment_id', 'missing_required', 'bad_id'),
    ('disease_assessments', 2, 'patient_id', 'missing_required', 'bad_id'),
    ('disease_assessments', 3, 'assessment_date', 'missing_required', 'bad_date'),
    ('disease_assessments', 4, 'disease_status', 'missing_required', 'bad_code'),
    ('disease_assessments', 5, 'score_name', null, null),
    ('disease_assessments', 6, 'score_value', null, 'bad_number'),
    ('procedures', 1, 'procedure_id', 'missing_required', 'bad_id'),
    ('procedures', 2, 'patient_id', 'missing_required', 'bad_id'),
    ('procedures', 3, 'procedure_name', 'missing_required', null),
    ('procedures', 4, 'procedure_date', 'missing_required', 'bad_date'),
    ('adverse_events', 1, 'adverse_event_id', 'missing_required', 'bad_id'),
    ('adverse_events', 2, 'patient_id', 'missing_required', 'bad_id'),
    ('adverse_events', 3, 'event_term', 'missing_required', null),
    ('adverse_events', 4, 'onset_date', null, 'bad_date'),
    ('adverse_events', 5, 'resolution_date', null, 'bad_date'),
    ('adverse_events', 6, 'severity_grade', null, 'bad_number'),
    ('adverse_events', 7, 'is_fatal', null, 'bad_boolean'),
    ('adverse_events', 8, 'is_life_threatening', null, 'bad_boolean'),
    ('adverse_events', 9, 'is_hospitalization', null, 'bad_boolean'),
    ('adverse_events', 10, 'is_disability', null, 'bad_boolean'),
    ('adverse_events', 11, 'is_medically_important', null, 'bad_boolean'),
    ('adverse_events', 12, 'outcome', null, null),
    ('protocols', 1, 'protocol_id', 'missing_required', 'bad_id'),
    ('protocols', 2, 'diagnosis', null, null),
    ('protocols', 3, 'require_steroid_refractory', 'missing_required', 'bad_boolean'),
    ('protocols', 4, 'require_failure', 'missing_required', 'bad_boolean'),
    ('protocols', 5, 'window_days', 'missing_required', 'bad_number'),
    ('protocols', 6, 'max_overlap_days', 'missing_required', 'bad_number'),
    ('protocols', 7, 'remission_within_days', null, 'bad_number'),
    ('protocols', 8, 'ae_risk_window_days', 'missing_required', 'bad_number'),
    ('protocols', 9, 'days_per_month', 'missing_required', 'bad_number'),
    ('protocol_arms', 1, 'protocol_id', 'missing_required', 'bad_id'),
    ('protocol_arms', 2, 'arm_id', 'missing_required', 'bad_id'),
    ('protocol_arms', 3, 'arm_label', 'missing_required', null),
    ('protocol_arms', 4, 'failed_ingredient', 'missing_required', null),
    ('protocol_arms', 5, 'salvage_ingredient', 'missing_required', null),
    ('protocol_arms', 6, 'window_days', null, 'bad_number'),
    ('ingredients', 1, 'ingredient', 'missing_required', null),
    ('ingredients', 2, 'omop_concept_id', null, 'bad_number'),
    ('ingredients', 3, 'rxnorm_code', null, null),
    ('ingredients', 4, 'atc_code', null, null),
    ('ingredients', 5, 'era_gap_days', null, 'bad_number'),
    ('ingredients', 6, 'is_rescue', null, 'bad_boolean'),
    ('drug_names', 1, 'drug_name', 'missing_required', null),
    ('drug_names', 2, 'ingredient', 'missing_required', null),
    ('procedure_names', 1, 'procedure_name', 'missing_required', null),
    ('procedure_names', 2, 'procedure_group', 'missing_required', null)
),

cells (cell_number, cell, first_line) as (
    values (1, '', 100), (2, '~', 200)
),

cases as (
    select
        spec.table_name,
        spec.column_name,
        cells.cell,
        cells.first_line + spec.column_number as line_number,
        case
            when cells.cell_number = 1 then spec.reason_if_empty
            else spec.reason_if_bad
        end as expected
    from spec
    cross join cells
),

{% for table, source_name in sources.items() -%}
{%- set columns = input_columns(source_name, table) %}
{{ table }}_contract (column_number, column_name) as (
    values
    {%- for column in columns %}
    ({{ loop.index }}, '{{ column.name }}'){{ ',' if not loop.last }}
    {%- endfor %}
),

{{ table }}_records as (
    select
        line_number,
        {%- for column in columns %}
        case
            when column_name = '{{ column.name }}' then cell
            else '{{ good_cells.get(column.kind, column.codes | first) }}'
        end as {{ column.name }},
        {%- endfor %}
        false as has_wrong_field_count
    from cases
    where table_name = '{{ table }}'
),

{{ table }}_typed as (
    {{ typed_cells(table ~ '_records', source_name, table) }}
),

{% endfor -%}
contracts as (
    {%- for table in sources %}
    select
        '{{ table }}' as table_name,
        column_number,
        column_name
    from {{ table }}_contract
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

typed as (
    {%- for table in sources %}
    select
        '{{ table }}' as table_name,
        line_number,
        reason,
        column_name
    from {{ table }}_typed
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    coalesce(spec.table_name, contracts.table_name) as table_name,
    coalesce(spec.column_name, contracts.column_name) as column_name,
    'order of the columns' as what,
    cast(spec.column_number as {{ dbt.type_string() }}) as expected,
    cast(contracts.column_number as {{ dbt.type_string() }}) as actual
from spec
full outer join contracts
    on
        spec.table_name = contracts.table_name
        and spec.column_name = contracts.column_name
where spec.column_number is distinct from contracts.column_number
union all
select
    cases.table_name,
    cases.column_name,
    'reason of a cell ' || cases.cell as what,
    cases.expected,
    typed.reason as actual
from cases
left join typed
    on
        cases.table_name = typed.table_name
        and cases.line_number = typed.line_number
where
    typed.line_number is null
    or typed.reason is distinct from cases.expected
    -- The column is named iff there is a reason.
    or (cases.expected is null and typed.column_name is not null)
    or (cases.expected is not null and typed.column_name <> cases.column_name)
