"""The dashboard's small parts: how numbers are shown, names are cut, arms are told apart."""

import pytest
from markupsafe import Markup, escape

from salvage.dashboard.chart import label, looks
from salvage.dashboard.numbers import count, decimal, interval, p_value, percent, rate
from salvage.dashboard.survival import at_risk
from salvage.published import Row


def test_a_number_carries_its_value_beside_what_is_shown() -> None:
    assert escape(percent(7 / 19)) == '<data value="0.3684210526315789">36.8%</data>'
    assert str(percent(7 / 19)) == "36.8%"
    assert str(count(1234567)) == "1,234,567"
    assert str(decimal(10.397)) == "10.4"


def test_a_number_that_is_not_there_is_a_dash() -> None:
    assert escape(percent(None)) == "–"
    assert interval(decimal(4.4), decimal(None), "not reached").endswith("–not reached")


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "–"), (1.0, "1.000"), (0.0495, "0.050"), (0.001, "0.001"), (0.00099, "< 0.001")],
)
def test_p_values_have_three_digits(value: float | None, shown: str) -> None:
    assert str(p_value(value)) == shown


def test_a_rate_of_nobody_is_no_rate() -> None:
    assert rate(0, 0, None, None, None).striptags() == "0 of 0 patients (no rate)"


def test_one_patient_is_not_one_patients() -> None:
    assert "1 of 1 patient (" in rate(1, 1, 1.0, 0.2, 1.0).striptags()


def test_a_name_is_never_mark_up() -> None:
    assert label("<b>A</b> & %{x}") == "&lt;b&gt;A&lt;/b&gt; &amp; &#37;{x}"
    assert isinstance(rate(1, 2, 0.5, 0.1, 0.9), Markup)


def test_a_name_of_broad_characters_is_cut_earlier() -> None:
    assert label("W" * 30, 20) == "W" * 9 + "…"
    assert label("シ" * 30, 20) == "シ" * 9 + "…"
    assert label("x" * 20, 20) == "x" * 20


@pytest.mark.parametrize("name", ["x" * 300, "word " * 60, "x" * 30 + " " + "y" * 300])
def test_a_long_name_fits(name: str) -> None:
    lines = label(name, 20, lines=2).split("<br>")
    assert len(lines) <= 2
    assert all(len(line) <= 20 for line in lines)
    assert lines[-1].endswith("…")


def test_twenty_arms_look_different_without_colour_too() -> None:
    drawn = looks(f"arm_{number}" for number in range(20))
    assert len(set(drawn.values())) == 20
    neighbours = [drawn[f"arm_{number}"] for number in range(6)]
    assert len({look.dash for look in neighbours}) == len({look.marker for look in neighbours}) == 6


def test_at_risk_on_a_day_are_those_of_the_next_step() -> None:
    curve: list[Row] = [
        {"duration_days": 0, "n_at_risk": 4},
        {"duration_days": 10, "n_at_risk": 4},
        {"duration_days": 20, "n_at_risk": 1},
    ]
    assert [at_risk(curve, day) for day in (0, 9.5, 10, 10.5, 20, 20.5)] == [4, 4, 4, 1, 1, 0]
