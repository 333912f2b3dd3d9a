{%- set keys = {
    'concept_sets': ['concept_set', 'concept_id'],
    'omop_adverse_events': ['event_term', 'concept_set'],
    'omop_disease_statuses': [],
    'omop_steroid_rules': ['protocol_id'],
    'omop_drug_types': ['drug_type_concept_id'],
    'omop_stop_reasons': ['source_stop_reason'],
    'omop_daily_doses': ['ingredient_concept_id'],
} -%}
{%- set folded_columns = ['concept_set', 'source_stop_reason'] -%}
{%- set set_columns = [
    ('omop_adverse_events', 'concept_set'),
    ('omop_disease_statuses', 'concept_set'),
    ('omop_disease_statuses', 'value_concept_set'),
    ('omop_steroid_rules', 'concept_set'),
    ('protocols', 'diagnosis'),
] -%}
with {% for table in keys %}own_{{ table }} as (
    select * from {{ ref('stg_own_reference__' ~ table) }}
),

{% endfor %}own_protocols as (
    select * from {{ ref('stg_own_reference__protocols') }}
),

known_sets as (
    select {{ folded_name('concept_set') }} as concept_set from own_concept_sets
    where concept_set is not null
    union distinct
    select {{ folded_name('concept_set') }} as concept_set
    from {{ ref('concept_sets') }}
),

-- The study's own protocols, or the shipped ones where it brings none.
known_protocols as (
    select protocol_id from own_protocols
    union distinct
    select protocol_id from {{ ref('protocols') }}
    where not exists (select 1 from own_protocols)
),

known_steroid_rules as (
    select protocol_id from own_omop_steroid_rules
    union distinct
    select protocol_id from {{ ref('omop_steroid_rules') }}
    where not exists (select 1 from own_omop_steroid_rules)
),

bad_cells as (
    {%- for table in keys %}
    select
        '{{ table }}' as table_name,
        line_number,
        column_name,
        reason
    from own_{{ table }}
    where reason is not null
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

repeated_keys as (
    {%- for table, columns in keys.items() if columns %}
    select
        '{{ table }}' as table_name,
        line_number,
        '{{ columns | last }}' as column_name,
        count(*) over (
            partition by
            {%- for column in columns %}
                {{ folded_name(column) if column in folded_columns else column }}
                {{- ',' if not loop.last }}
            {%- endfor %}
        ) as n_records
    from own_{{ table }}
    where {{ columns | join(' is not null and ') }} is not null
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

named_sets as (
    {%- for table, column in set_columns %}
    select
        '{{ table }}' as table_name,
        line_number,
        '{{ column }}' as column_name,
        {{ folded_name(column) }} as concept_set
    from own_{{ table }}
    where {{ column }} is not null
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

final as (
    select * from bad_cells
    union all
    select
        table_name,
        line_number,
        column_name,
        'duplicate_key' as reason
    from repeated_keys
    where n_records > 1
    union all
    select
        named_sets.table_name,
        named_sets.line_number,
        named_sets.column_name,
        'unknown_concept_set' as reason
    from named_sets
    left join known_sets
        on named_sets.concept_set = known_sets.concept_set
    where known_sets.concept_set is null
    union all
    select
        'omop_steroid_rules' as table_name,
        own_omop_steroid_rules.line_number,
        'protocol_id' as column_name,
        'unknown_protocol' as reason
    from own_omop_steroid_rules
    left join known_protocols
        on own_omop_steroid_rules.protocol_id = known_protocols.protocol_id
    where
        own_omop_steroid_rules.protocol_id is not null
        and known_protocols.protocol_id is null
    union all
    select
        'protocols' as table_name,
        own_protocols.line_number,
        'require_steroid_refractory' as column_name,
        'no_steroid_rule' as reason
    from own_protocols
    left join known_steroid_rules
        on own_protocols.protocol_id = known_steroid_rules.protocol_id
    where
        own_protocols.require_steroid_refractory
        and known_steroid_rules.protocol_id is null
)

select * from final
