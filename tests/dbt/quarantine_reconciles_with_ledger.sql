with ledger as (
    select * from {{ ref('dq_row_ledger') }}
),

quarantine as (
    select * from {{ ref('dq_quarantine') }}
),

quarantine_counts as (
    select
        table_name,
        count(*) as n_quarantined
    from quarantine
    group by table_name
),

final as (
    select
        ledger.table_name,
        quarantine_counts.table_name as quarantine_table_name,
        ledger.n_quarantined,
        quarantine_counts.n_quarantined as n_rows_in_quarantine
    from ledger
    full outer join quarantine_counts
        on ledger.table_name = quarantine_counts.table_name
    where
        ledger.table_name is null
        or ledger.n_quarantined
        is distinct from coalesce(quarantine_counts.n_quarantined, 0)
)

select * from final
