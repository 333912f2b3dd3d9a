{%- set tables = [
    'protocols', 'protocol_arms', 'ingredients', 'drug_names', 'procedure_names'
] -%}
with {% for table in tables %}own_{{ table }} as (
    select * from {{ ref('stg_own_reference__' ~ table) }}
),

{% endfor %}shipped_ingredients as (
    select * from {{ ref('ingredients') }}
),

folded_ingredients as (
    select
        line_number,
        {{ folded_name('ingredient') }} as ingredient
    from own_ingredients
),

folded_drug_names as (
    select
        line_number,
        {{ folded_name('drug_name') }} as drug_name,
        {{ folded_name('ingredient') }} as ingredient
    from own_drug_names
),

folded_procedure_names as (
    select
        line_number,
        {{ folded_name('procedure_name') }} as procedure_name,
        {{ folded_name('procedure_group') }} as procedure_group
    from own_procedure_names
),

folded_arms as (
    select
        line_number,
        protocol_id,
        arm_id,
        {{ folded_name('failed_ingredient') }} as failed_ingredient,
        {{ folded_name('salvage_ingredient') }} as salvage_ingredient
    from own_protocol_arms
),

known_ingredients as (
    select ingredient from folded_ingredients
    where ingredient is not null
    union distinct
    select {{ folded_name('ingredient') }} as ingredient from shipped_ingredients
    {%- if is_omop() %}
    union distinct
    select ingredient from {{ ref('int_omop_ingredients') }}
    {%- endif %}
),

bad_cells as (
    {%- for table in tables %}
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
    select
        'protocols' as table_name,
        line_number,
        'protocol_id' as column_name,
        count(*) over (partition by protocol_id) as n_records,
        protocol_id is not null as has_key
    from own_protocols
    union all
    select
        'protocol_arms' as table_name,
        line_number,
        'arm_id' as column_name,
        count(*) over (partition by protocol_id, arm_id) as n_records,
        protocol_id is not null and arm_id is not null as has_key
    from own_protocol_arms
    union all
    select
        'ingredients' as table_name,
        line_number,
        'ingredient' as column_name,
        count(*) over (partition by ingredient) as n_records,
        ingredient is not null as has_key
    from folded_ingredients
),

-- One name may be written twice, as long as it stands for the same thing.
contradicted_names as (
    select
        'drug_names' as table_name,
        line_number,
        'drug_name' as column_name,
        min(ingredient) over (partition by drug_name)
        <> max(ingredient) over (partition by drug_name) as is_contradicted
    from folded_drug_names
    union all
    select
        'procedure_names' as table_name,
        line_number,
        'procedure_name' as column_name,
        min(procedure_group) over (partition by procedure_name)
        <> max(procedure_group) over (partition by procedure_name) as is_contradicted
    from folded_procedure_names
),

unknown_ingredients as (
    select
        'drug_names' as table_name,
        folded_drug_names.line_number,
        'ingredient' as column_name
    from folded_drug_names
    left join known_ingredients
        on folded_drug_names.ingredient = known_ingredients.ingredient
    where
        folded_drug_names.ingredient is not null
        and known_ingredients.ingredient is null
    union all
    {%- for column in ['failed_ingredient', 'salvage_ingredient'] %}
    select
        'protocol_arms' as table_name,
        folded_arms.line_number,
        '{{ column }}' as column_name
    from folded_arms
    left join known_ingredients
        on folded_arms.{{ column }} = known_ingredients.ingredient
    where
        folded_arms.{{ column }} is not null
        and known_ingredients.ingredient is null
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

arms_without_protocol as (
    select own_protocol_arms.line_number
    from own_protocol_arms
    left join own_protocols
        on own_protocol_arms.protocol_id = own_protocols.protocol_id
    where
        own_protocol_arms.protocol_id is not null
        and own_protocols.protocol_id is null
),

protocols_without_arm as (
    select own_protocols.line_number
    from own_protocols
    left join own_protocol_arms
        on own_protocols.protocol_id = own_protocol_arms.protocol_id
    where
        own_protocols.protocol_id is not null
        and own_protocol_arms.protocol_id is null
),

final as (
    select
        table_name,
        line_number,
        column_name,
        reason
    from bad_cells
    union all
    select
        table_name,
        line_number,
        column_name,
        'duplicate_key' as reason
    from repeated_keys
    where has_key and n_records > 1
    union all
    select
        table_name,
        line_number,
        column_name,
        'contradicted_name' as reason
    from contradicted_names
    where is_contradicted
    union all
    select
        table_name,
        line_number,
        column_name,
        'unknown_ingredient' as reason
    from unknown_ingredients
    union all
    select
        'protocol_arms' as table_name,
        line_number,
        'protocol_id' as column_name,
        'unknown_protocol' as reason
    from arms_without_protocol
    union all
    select
        'protocols' as table_name,
        line_number,
        'protocol_id' as column_name,
        'protocol_without_arm' as reason
    from protocols_without_arm
    union all
    select
        'protocol_arms' as table_name,
        line_number,
        'arm_id' as column_name,
        'reserved_word' as reason
    from folded_arms
    where lower(arm_id) = 'all'
    union all
    select
        'ingredients' as table_name,
        line_number,
        'ingredient' as column_name,
        'reserved_word' as reason
    from folded_ingredients
    where ingredient = 'unmapped'
    union all
    select
        'protocol_arms' as table_name,
        line_number,
        'salvage_ingredient' as column_name,
        'same_drug_twice' as reason
    from folded_arms
    where failed_ingredient = salvage_ingredient
    {%- if is_omop() %}
    union all
    select * from {{ ref('int_omop_rule_problems') }}
    {%- endif %}
)

select * from final
