{#-
    Exact 95% intervals of the mean of a Poisson count.

    poisson_intervals(relation, n_events)
        -> query, one row per count that occurs in the relation:
           n_events (bigint), events_low, events_high (double, in events)

    relation: a relation or CTE. n_events: its column of type INTEGER or BIGINT, >= 0.
    Join the result on the count; divided by the person-time they are the limits of the rate.
    n_events = 0 gives a low of exactly 0 and a high of -ln(0.025) = 3.69. NULL has no row.
    Source: Garwood F, Biometrika 1936;28:437-42: the limits are points of gamma distributions,
    found by _tail_quantiles from the guess of Byar (cube of a normal).
-#}
{% macro poisson_intervals(relation, n_events) -%}
    with counts as (
        select distinct cast({{ n_events }} as bigint) as n_events
        from {{ relation }}
        where {{ n_events }} is not null
    ),

    shapes as (
        select
            cast(n_events as {{ salvage.double_type() }}) as shape,
            -1 as tail_sign
        from counts
        where n_events > 0
        union all
        select
            cast(n_events + 1 as {{ salvage.double_type() }}) as shape,
            1 as tail_sign
        from counts
        where n_events > 0
    ),

    tails as (
        select
            shape,
            1e0 as other_shape,
            tail_sign,
            shape * power(
                1 - 1 / (9 * shape)
                + tail_sign * {{ salvage.z_95() }} / (3 * sqrt(shape)),
                3
            ) as guess
        from shapes
    ),

    quantiles as (
        {{ salvage._tail_quantiles('tails', 'gamma') }}
    ),

    final as (
        select
            counts.n_events,
            coalesce(lows.quantile, 0) as events_low,
            coalesce(highs.quantile, -ln(0.025e0)) as events_high
        from counts
        left join quantiles as lows
            on
                counts.n_events = lows.shape
                and lows.tail_sign = -1
        left join quantiles as highs
            on
                counts.n_events + 1 = highs.shape
                and highs.tail_sign = 1
    )

    select * from final
{%- endmacro %}
