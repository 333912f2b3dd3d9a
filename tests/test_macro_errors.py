"""Wrong arguments and settings end in a compiler error that says what is wrong."""

import pytest

from tests.harness import Compile


@pytest.mark.parametrize(
    "setting",
    ["2008-02", "2008-02-30", "2007-02-29", "2008-04-31", "0000-01-01", "20080229", "today"],
)
def test_data_cutoff_that_is_no_day_is_a_compiler_error(
    compile_inline: Compile, setting: str
) -> None:
    sql, said = compile_inline("{{ data_cutoff_date() }}", data_cutoff_date=setting)
    assert sql is None
    assert "data_cutoff_date must be a day written YYYY-MM-DD, or empty." in said


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("2008-02-29", "cast('2008-02-29' as date)"),
        ("9999-12-31", "cast('9999-12-31' as date)"),
        ("", "cast(null as date)"),
    ],
)
def test_data_cutoff_is_a_day_or_null(compile_inline: Compile, setting: str, expected: str) -> None:
    sql, _ = compile_inline("{{ data_cutoff_date() }}", data_cutoff_date=setting)
    assert sql == expected


@pytest.mark.parametrize(
    ("sql", "settings", "sentence"),
    [
        ("{{ parsed_cell('cell', 'colour') }}", {}, "No kind of cell is called 'colour'."),
        (
            "{{ input_columns('clinic', 'weather') }}",
            {},
            "No input table 'weather' in source 'clinic'.",
        ),
        (
            "{{ input_columns('hospital', 'patients') }}",
            {},
            "No input table 'patients' in source 'hospital'.",
        ),
        (
            "{{ input_records('patients') }}",
            {"input": "other"},
            "The setting input must be seeds, files or omop.",
        ),
    ],
)
def test_wrong_argument_is_a_compiler_error(
    compile_inline: Compile, sql: str, settings: dict[str, str], sentence: str
) -> None:
    compiled, said = compile_inline(sql, **settings)
    assert compiled is None
    assert sentence in said
