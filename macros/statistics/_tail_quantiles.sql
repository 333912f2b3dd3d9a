{#-
    The x that leaves 2.5% of a beta or gamma distribution in a tail.

    _tail_quantiles(tails, family) -> query: shape, other_shape, tail_sign, quantile (double)

    tails: relation, one row per shape, other_shape and tail_sign, with
        shape (double, >= 1): a of Beta(a, b) or Gamma(a);
        other_shape (double, >= 1): b of Beta(a, b); for a gamma any number, but not NULL;
        tail_sign (-1: lower tail; 1: upper tail, gamma only);
        guess (double): a point in the tail or near it, short of the mode.
    family: 'beta' or 'gamma'.

    Method: in y = ln x the tail's logarithm is concave, so that Newton's steps converge from any
    point short of the mode, and from a guess as good as Wilson's bound they need four. The tail
    over the density at y is the integral over u >= 0 of density(y + tail_sign * u) / density(y),
    which falls at least as fast as exp(-slope * u): beyond 40 / slope nothing is left of it, and
    what is before is smooth enough for 40 points. Against SciPy the relative error is below
    1e-8 up to totals of a million (tests/test_exact_statistics.py).
    The sum is one of whole numbers, so that it is the same in any order.
-#}
{% macro _tail_quantiles(tails, family) -%}
    {%- set keys = 'shape, other_shape, tail_sign, log_constant' -%}
    {%- set log_ratio -%}
        tail_sign * shape * reach * node
        {%- if family == 'beta' %}
        + (other_shape - 1) * ln(
            (1 - exp(log_x - reach * node)) / (1 - exp(log_x))
        )
        {%- else %}
        - exp(log_x) * (exp(tail_sign * reach * node) - 1)
        {%- endif %}
    {%- endset -%}
    {%- if family == 'beta' -%}
        {%- set slope = 'shape - (other_shape - 1) * exp(log_x) / (1 - exp(log_x))' -%}
        {%- set log_density = 'shape * log_x + (other_shape - 1) * ln(1 - exp(log_x))' -%}
        {%- set log_constant = salvage.log_gamma('shape') ~ ' + '
            ~ salvage.log_gamma('other_shape') ~ ' - '
            ~ salvage.log_gamma('(shape + other_shape)') -%}
    {%- else -%}
        {%- set slope = 'tail_sign * (exp(log_x) - shape)' -%}
        {%- set log_density = 'shape * log_x - exp(log_x)' -%}
        {%- set log_constant = salvage.log_gamma('shape') -%}
    {%- endif -%}
    with nodes as (
        {{- salvage._gauss_legendre_nodes() }}
    ),

    round_0 as (
        select
            shape,
            other_shape,
            tail_sign,
            ln(guess) as log_x,
            {{ log_constant }} as log_constant
        from {{ tails }}
    ),

    {%- for round in range(1, 5) %}

    reach_{{ round }} as (
        select
            *,
            40e0 / ({{ slope }}) as reach
        from round_{{ round - 1 }}
    ),

    mass_{{ round }} as (
        select
            {{ keys }},
            log_x,
            reach * sum(
                cast(round(1e15 * weight * exp({{ log_ratio }})) as bigint)
            ) / 1e15 as mass
        from reach_{{ round }}
        cross join nodes
        group by {{ keys }}, log_x, reach
    ),

    round_{{ round }} as (
        select
            {{ keys }},
            log_x
            - tail_sign * mass * (ln(0.025e0) + log_constant - ln(mass) - ({{ log_density }}))
                as log_x
        from mass_{{ round }}
    ),
    {%- endfor %}

    final as (
        select
            shape,
            other_shape,
            tail_sign,
            exp(log_x) as quantile
        from round_4
    )

    select * from final
{%- endmacro %}
