{%- set tables = [
    'patients', 'drug_exposures', 'disease_assessments', 'procedures', 'adverse_events'
] -%}
with input_files as (
    select * from {{ ref('stg_clinic__input_files') }}
),

{% for table in tables -%}
{{ table }} as (
    select * from {{ ref(
        'int_drug_exposure_counts' if table == 'drug_exposures'
        else 'int_' ~ table ~ '_accounted'
    ) }}
),

{% endfor -%}
records as (
    {%- for table in tables %}
    select
        '{{ table }}' as table_name,
        disposition,
        {{ 'is_end_date_cut' if table == 'drug_exposures' else 'false' }}
            as is_end_date_cut,
        {{ 'n_records' if table == 'drug_exposures' else '1' }} as n_records
    from {{ table }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

counted as (
    select
        table_name,
        sum(
            case when disposition = 'accepted' then n_records else 0 end
        ) as n_accepted,
        sum(
            case when disposition = 'collapsed' then n_records else 0 end
        ) as n_collapsed,
        sum(
            case when disposition = 'quarantined' then n_records else 0 end
        ) as n_quarantined,
        sum(
            case
                when disposition = 'accepted' and is_end_date_cut then n_records
                else 0
            end
        ) as n_end_dates_cut
    from records
    group by table_name
),

final as (
    select
        input_files.table_name,
        input_files.file_name,
        input_files.file_sha256,
        input_files.n_records,
        cast(coalesce(counted.n_accepted, 0) as bigint) as n_accepted,
        cast(coalesce(counted.n_collapsed, 0) as bigint) as n_collapsed,
        cast(coalesce(counted.n_quarantined, 0) as bigint) as n_quarantined,
        cast(coalesce(counted.n_end_dates_cut, 0) as bigint) as n_end_dates_cut
    from input_files
    left join counted
        on input_files.table_name = counted.table_name
)

select * from final
