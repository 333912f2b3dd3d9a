{#-
    Fisher's exact test of two proportions, two-sided.

    fisher_exact_tests(relation, n_events, n_total, other_n_events, other_n_total)
        -> query, one row per set of four counts that occurs in the relation:
           n_events, n_total, other_n_events, other_n_total (bigint), p_value (double in (0, 1])

    relation: a relation or CTE; the others: its columns of type INTEGER or BIGINT, with
    0 <= events <= total each. Join the result on all four counts. A set with a NULL or a total
    of 0 has no row: with nobody on one side there is nothing to compare. Without an event on
    either side, or with nothing else, p is 1.
    Two-sided as in R and SciPy: all tables with the same margins that are at most as probable as
    the one seen count, those within one ten-millionth of it too, since they are equal but for
    rounding. Of the tables only those within 12 standard deviations (or the one seen, if that is
    further) and 50 more are added up: the rest is nothing.
    Source: Fisher RA, J R Stat Soc 1935;98:39-54.
    Engines: DuckDB (verified), through each_integer.
-#}
{% macro fisher_exact_tests(relation, n_events, n_total, other_n_events, other_n_total) -%}
    {%- set counts = 'n_events, n_total, other_n_events, other_n_total' -%}
    with tables as (
        select distinct
            cast({{ n_events }} as bigint) as n_events,
            cast({{ n_total }} as bigint) as n_total,
            cast({{ other_n_events }} as bigint) as other_n_events,
            cast({{ other_n_total }} as bigint) as other_n_total
        from {{ relation }}
        where
            {{ n_total }} > 0
            and {{ other_n_total }} > 0
            and {{ n_events }} is not null
            and {{ other_n_events }} is not null
    ),

    margins as (
        select
            *,
            n_events + other_n_events as n_all_events,
            n_total + other_n_total as n_all,
            cast(n_total as {{ salvage.double_type() }})
            * (n_events + other_n_events) / (n_total + other_n_total) as mean_events
        from tables
    ),

    spreads as (
        select
            *,
            50 + greatest(
                abs(n_events - mean_events),
                12 * sqrt(
                    mean_events * other_n_total / n_all
                    * (n_all - n_all_events) / greatest(n_all - 1, 1)
                )
            ) as reach,
            {{ salvage._log_choose('n_all', 'n_all_events') }} as log_n_tables
        from margins
    ),

    possible as (
        select
            {{ counts }},
            n_all_events,
            log_n_tables,
            {{ salvage.each_integer(
                'greatest(0, n_all_events - other_n_total, '
                ~ 'cast(floor(mean_events - reach) as bigint))',
                'least(n_total, n_all_events, cast(ceil(mean_events + reach) as bigint))'
            ) }} as n_counted
        from spreads
    ),

    weighed as (
        select
            {{ counts }},
            n_counted,
            {{ salvage._log_choose('n_total', 'n_counted') }}
            + {{ salvage._log_choose('other_n_total', '(n_all_events - n_counted)') }}
            - log_n_tables as log_probability
        from possible
    ),

    seen as (
        select
            {{ counts }},
            log_probability as seen_log_probability
        from weighed
        where n_counted = n_events
    ),

    -- A sum of whole numbers is the same in any order.
    final as (
        select
            weighed.n_events,
            weighed.n_total,
            weighed.other_n_events,
            weighed.other_n_total,
            least(
                1e0,
                exp(max(seen.seen_log_probability)) * sum(
                    cast(
                        round(
                            1e12 * exp(
                                weighed.log_probability - seen.seen_log_probability
                            )
                        ) as bigint
                    )
                ) / 1e12
            ) as p_value
        from weighed
        inner join seen
            on
                weighed.n_events = seen.n_events
                and weighed.n_total = seen.n_total
                and weighed.other_n_events = seen.other_n_events
                and weighed.other_n_total = seen.other_n_total
        where weighed.log_probability <= seen.seen_log_probability + 1e-7
        group by
            weighed.n_events,
            weighed.n_total,
            weighed.other_n_events,
            weighed.other_n_total
    )

    select * from final
{%- endmacro %}

{#- Logarithm of the number of ways to choose k of n. -#}
{% macro _log_choose(n, k) -%}
    {%- set double = salvage.double_type() -%}
    (
        {{ salvage.log_gamma('(cast(' ~ n ~ ' as ' ~ double ~ ') + 1)') }}
        - {{ salvage.log_gamma('(cast(' ~ k ~ ' as ' ~ double ~ ') + 1)') }}
        - {{ salvage.log_gamma('(cast(' ~ n ~ ' - ' ~ k ~ ' as ' ~ double ~ ') + 1)') }}
    )
{%- endmacro %}
