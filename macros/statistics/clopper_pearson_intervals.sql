{#-
    Clopper-Pearson ("exact") 95% intervals of proportions.

    clopper_pearson_intervals(relation, n_events, n_total)
        -> query, one row per pair of counts that occurs in the relation:
           n_events, n_total (bigint), exact_low, exact_high (double in [0, 1])

    relation: a relation or CTE. n_events, n_total: its columns of type INTEGER or BIGINT,
    0 <= n_events <= n_total. Join the result on both counts.
    n_events = 0 gives a low of exactly 0, n_events = n_total a high of exactly 1. A pair with a
    NULL or with n_total = 0 has no row: a left join gives NULL.
    Source: Clopper CJ, Pearson ES, Biometrika 1934;26:404-13: the bounds are points of beta
    distributions, found by _tail_quantiles.
    Usage: `with counted as (...), intervals as (
    {{ '{{' }} clopper_pearson_intervals('counted', 'n_remissions', 'n_patients') {{ '}}' }} ) ...`
-#}
{% macro clopper_pearson_intervals(relation, n_events, n_total) -%}
    with counts as (
        select distinct
            cast({{ n_events }} as bigint) as n_events,
            cast({{ n_total }} as bigint) as n_total
        from {{ relation }}
        where {{ n_total }} > 0 and {{ n_events }} is not null
    ),

    -- The high bound of x events is 1 - the low bound of as many without.
    bounds as (
        select
            n_events as n_counted,
            n_total
        from counts
        where n_events > 0
        union
        select
            n_total - n_events as n_counted,
            n_total
        from counts
        where n_events < n_total
    ),

    tails as (
        select
            cast(n_counted as {{ salvage.double_type() }}) as shape,
            cast(n_total - n_counted + 1 as {{ salvage.double_type() }}) as other_shape,
            -1 as tail_sign,
            {{ salvage.wilson_low('n_counted', 'n_total') }} as guess
        from bounds
    ),

    quantiles as (
        {{ salvage._tail_quantiles('tails', 'beta') }}
    ),

    final as (
        select
            counts.n_events,
            counts.n_total,
            coalesce(lows.quantile, 0) as exact_low,
            1 - coalesce(highs.quantile, 0) as exact_high
        from counts
        left join quantiles as lows
            on
                counts.n_events = lows.shape
                and counts.n_total - counts.n_events + 1 = lows.other_shape
        left join quantiles as highs
            on
                counts.n_total - counts.n_events = highs.shape
                and counts.n_events + 1 = highs.other_shape
    )

    select * from final
{%- endmacro %}
