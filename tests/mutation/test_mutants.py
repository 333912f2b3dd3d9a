"""That the studies hold as they are, and that the machinery makes and tells mutants.

The mutants themselves are tried by `make mutants`.
"""

import pytest

from tests.expected_marts import differences, merged_reference
from tests.harness import Project, Warehouse
from tests.mutation.mutants import OPERATORS, Mutant, mutants, unchanged
from tests.mutation.run_mutants import Bench
from tests.mutation.studies import studies
from tests.oracle.oracle import fold


@pytest.mark.slow
def test_every_study_holds(warehouse: Warehouse) -> None:
    for study in studies():
        found = warehouse.build(
            study.tables, study.own_reference, study.data_cutoff_date, study.expected
        )
        assert differences(study.expected, found) == {}, study.name


def test_every_operator_finds_something_to_change(project: Project) -> None:
    """A parser that names a node otherwise would silence an operator."""
    some = ["int_drug_eras", "int_salvage_pairs", "int_salvage_episodes", "int_remissions"]
    some += ["int_procedures_accounted", "int_patient_attrition", "agg_remission_by_arm"]
    some += ["agg_cohort_attrition", "agg_published_comparison", "int_protocols", "int_patients"]
    some += ["int_drug_names", "int_adverse_events"]
    made = [mutant for name in some for mutant in mutants(project.model(name))]
    operators = {operator.__name__.strip("_") for _, operator in OPERATORS}
    assert {mutant.operator for mutant in made} == operators
    assert len({mutant.id for mutant in made}) == len(made)


def named(project: Project, model: str, operator: str, before: str, after: str) -> Mutant:
    return next(
        mutant
        for mutant in mutants(project.model(model))
        if (mutant.operator, mutant.before, mutant.after) == (operator, before, after)
    )


@pytest.fixture(scope="module")
def bench(project: Project) -> Bench:
    study = next(study for study in studies() if study.name == "every way out of the cohort")
    return Bench(project, study)


@pytest.mark.parametrize(
    ("model", "operator", "before", "after", "told_by"),
    [
        (
            "int_salvage_episodes",
            "comparison",
            "gap_days <= window_days",
            "gap_days < window_days",
            "fct_salvage_episodes",
        ),
        (
            "int_salvage_pairs",
            "day_arithmetic",
            "DATE_DIFF('DAY', failed_era_end_date, salvage_start_date)",
            "(DATE_DIFF('DAY', failed_era_end_date, salvage_start_date) + 1)",
            "fct_salvage_episodes",
        ),
        ("int_patient_attrition", "boundary", "4", "5", "agg_cohort_attrition"),
    ],
)
def test_a_mutant_is_told(
    project: Project, bench: Bench, model: str, operator: str, before: str, after: str, told_by: str
) -> None:
    assert bench.telltale(named(project, model, operator, before, after)) == told_by


def test_what_is_unchanged_is_not_told(project: Project, bench: Bench) -> None:
    """Nor does a mutant that was tried before leave anything behind."""
    changed = named(
        project,
        "int_salvage_episodes",
        "comparison",
        "gap_days <= window_days",
        "gap_days < window_days",
    )
    assert bench.telltale(changed) is not None
    for model in bench.models:
        assert bench.telltale(unchanged(model)) is None


@pytest.mark.parametrize("table", ["drug_names", "procedure_names"])
def test_shipped_names_are_unique_when_folded(table: str) -> None:
    """What equivalents.yml says of `select distinct` over them."""
    names = [fold(row[table.removesuffix("s")]) for row in merged_reference(None)[table]]
    assert len(names) == len(set(names))
