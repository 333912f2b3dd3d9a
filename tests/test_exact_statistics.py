"""The macros of exact statistics, each on a table of its own, against SciPy.

dbt compiles a macro once; its SQL then runs on a table of many cases at a time.
"""

import math
from collections.abc import Callable, Sequence
from itertools import product

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from tests.harness import Compile

Row = tuple[float | None, ...]
# Runs a macro's SQL on rows of the table `cases`, whose columns are a, b, c, d: bigint, or double
# where the first row holds a float.
Macro = Callable[[Sequence[Sequence[float | None]]], list[Row]]

SMALL = 40
LARGE = [100, 1_000, 10_000, 1_000_000]


@pytest.fixture(scope="session")
def macro(compile_inline: Compile) -> Callable[[str], Macro]:
    def compiled(call: str) -> Macro:
        sql, said = compile_inline("{{ " + call + " }}")
        assert sql, said

        def run(cases: Sequence[Sequence[float | None]]) -> list[Row]:
            with duckdb.connect() as connection:
                names = "abcd"[: len(cases[0])]
                columns = ", ".join(
                    f"cases[{place}] as {name}" for place, name in enumerate(names, start=1)
                )
                kind = "bigint" if all(isinstance(n, int | None) for n in cases[0]) else "double"
                connection.execute(
                    f"create table cases as select {columns} "
                    f"from (select unnest(cast(? as {kind}[][])) as cases)",
                    [cases],
                )
                return connection.execute(sql).fetchall()

        return run

    return compiled


def close(found: float, expected: float, relative: float) -> bool:
    return math.isclose(found, expected, rel_tol=relative, abs_tol=0.0)


# ---- Proportions ---------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def clopper_pearson(macro: Callable[[str], Macro]) -> Macro:
    return macro("clopper_pearson_intervals('cases', 'a', 'b')")


def assert_clopper_pearson(found: Sequence[Row], cases: Sequence[tuple[int, int]]) -> None:
    assert sorted((int(row[0] or 0), int(row[1] or 0)) for row in found) == sorted(set(cases))
    for n_events, n_total, low, high in found:
        assert n_events is not None and n_total and low is not None and high is not None
        expected_low = stats.beta.ppf(0.025, n_events, n_total - n_events + 1) if n_events else 0
        # By symmetry: SciPy's own point near 1 has fewer digits.
        expected_rest = (
            stats.beta.ppf(0.025, n_total - n_events, n_events + 1) if n_events < n_total else 0
        )
        assert close(low, expected_low, 1e-8), (n_events, n_total)
        assert close(high, 1 - expected_rest, 1e-8), (n_events, n_total)


def test_clopper_pearson_of_every_small_count(clopper_pearson: Macro) -> None:
    cases = [(x, n) for n in range(1, SMALL + 1) for x in range(n + 1)]
    assert_clopper_pearson(clopper_pearson(cases), cases)


def test_clopper_pearson_of_large_counts(clopper_pearson: Macro) -> None:
    cases = [(x, n) for n in LARGE for x in (0, 1, 2, 7, n // 10, n // 3, n // 2, n - 7, n - 1, n)]
    assert_clopper_pearson(clopper_pearson(cases), cases)


@given(st.lists(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))))
def test_clopper_pearson_of_any_counts(
    clopper_pearson: Macro, cases: list[tuple[int, int]]
) -> None:
    if cases:
        assert_clopper_pearson(clopper_pearson(cases), cases)


def test_clopper_pearson_of_nobody_has_no_row(clopper_pearson: Macro) -> None:
    assert clopper_pearson([(0, 0), (None, 3), (2, None)]) == []


@pytest.mark.parametrize(
    ("n_events", "n_total", "low", "high"),
    [(4, 10, 12.2, 73.8), (3, 9, 7.5, 70.1), (3, 19, 3.4, 39.6)],
)
def test_clopper_pearson_prints_the_vectors_of_the_specification(
    clopper_pearson: Macro, n_events: int, n_total: int, low: float, high: float
) -> None:
    [(_, _, found_low, found_high)] = clopper_pearson([(n_events, n_total)])
    assert found_low is not None and found_high is not None
    assert (round(100 * found_low, 1), round(100 * found_high, 1)) == (low, high)


# ---- Poisson -------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def poisson(macro: Callable[[str], Macro]) -> Macro:
    return macro("poisson_intervals('cases', 'a')")


def test_poisson_intervals(poisson: Macro) -> None:
    counts = [*range(200), 1_000, 12_345, 1_000_000]
    found = poisson([(count,) for count in [*counts, None, 3]])
    assert sorted(row[0] or 0 for row in found) == counts
    for count, low, high in found:
        assert count is not None and low is not None and high is not None
        assert close(low, stats.gamma.ppf(0.025, count) if count else 0, 1e-9), count
        assert close(high, stats.gamma.isf(0.025, count + 1), 1e-9), count


# ---- Fisher --------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def fisher(macro: Callable[[str], Macro]) -> Macro:
    return macro("fisher_exact_tests('cases', 'a', 'b', 'c', 'd')")


def assert_fisher(found: Sequence[Row], cases: Sequence[tuple[int, int, int, int]]) -> None:
    assert sorted(row[:4] for row in found) == sorted(set(cases))
    for x, n, other_x, other_n, p_value in found:
        assert x is not None and n and other_x is not None and other_n and p_value is not None
        expected = stats.fisher_exact([[x, n - x], [other_x, other_n - other_x]]).pvalue
        assert 0 < p_value <= 1
        table = (x, n, other_x, other_n)
        assert math.isclose(p_value, expected, rel_tol=1e-6, abs_tol=1e-12), table


def test_fisher_of_every_small_table(fisher: Macro) -> None:
    sides = [(x, n) for n in range(1, 9) for x in range(n + 1)]
    cases = [(*one, *other) for one, other in product(sides, sides)]
    assert_fisher(fisher(cases), cases)


SIDES = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(st.lists(st.tuples(SIDES, SIDES), min_size=1))
def test_fisher_of_any_table(
    fisher: Macro, pairs: list[tuple[tuple[int, int], tuple[int, int]]]
) -> None:
    cases = [(*one, *other) for one, other in pairs]
    assert_fisher(fisher(cases), cases)


def test_fisher_of_large_tables(fisher: Macro) -> None:
    cases = [
        (50_000, 100_000, 50_300, 100_000),
        (3, 100_000, 11, 120_000),
        (0, 500_000, 1, 500_000),
        (200_000, 500_000, 199_000, 500_000),
        (10, 20, 400_000, 800_000),
    ]
    assert_fisher(fisher(cases), cases)


def test_fisher_of_arms_that_differ_beyond_doubt_is_not_0(fisher: Macro) -> None:
    [(*_, p_value)] = fisher([(100, 100, 0, 100)])
    assert p_value is not None
    assert close(p_value, 2 / math.comb(200, 100), 1e-9)


def test_fisher_with_nobody_has_no_row(fisher: Macro) -> None:
    assert fisher([(0, 0, 1, 2), (1, 2, 0, 0), (None, 2, 1, 2)]) == []


# ---- Functions -----------------------------------------------------------------------------------


def test_p_value_of_chi_square(macro: Callable[[str], Macro]) -> None:
    run = macro("'select a, ' ~ chi_square_p_value('a') ~ ' from cases'")
    cases = [0.0, 1e-12, 0.004, *np.linspace(0.01, 12, 997), 8.0, 30.0, 100.0, 1000.0, 5000.0]
    for chi_square, p_value in run([(float(case),) for case in cases]):
        assert chi_square is not None and p_value is not None
        assert close(p_value, stats.chi2.sf(chi_square, 1), 1e-11), chi_square
    assert run([(1.0,), (None,)])[1] == (None, None)


def test_log_gamma(macro: Callable[[str], Macro]) -> None:
    run = macro("'select a, ' ~ log_gamma('a') ~ ' from cases'")
    cases = [1.0, 1.5, 2.0, 2.5, 3.0, 7.7, 50.0, 1e3, 1e6, 1e8]
    for z, value in run([(case,) for case in cases]):
        assert z is not None and value is not None
        assert math.isclose(value, special.gammaln(z), rel_tol=1e-14, abs_tol=1e-12), z


def test_nodes_and_weights_are_those_of_gauss_and_legendre(macro: Callable[[str], Macro]) -> None:
    nodes, weights = np.polynomial.legendre.leggauss(40)
    found = np.array(sorted(macro("_gauss_legendre_nodes()")([(1,)])))
    assert np.allclose(found[:, 0], (nodes + 1) / 2, rtol=1e-13, atol=0)
    assert np.allclose(found[:, 1], weights / 2, rtol=1e-12, atol=0)
