{{ config(tags=['development']) }}
{#-
    The points that every table prints: 5% at 3.841459, 1% at 6.634897, 0.1% at 10.827566.
-#}

with cases (chi_square, expected_p_value) as (
    values
    (0e0, 1e0),
    (3.841459e0, 0.05e0),
    (6.634897e0, 0.01e0),
    (10.827566e0, 0.001e0),
    (cast(null as {{ double_type() }}), cast(null as {{ double_type() }}))
),

computed as (
    select
        chi_square,
        expected_p_value,
        {{ chi_square_p_value('chi_square') }} as p_value
    from cases
)

select *
from computed
where
    (p_value is null) <> (expected_p_value is null)
    or abs(p_value - expected_p_value) > 1e-8
