"""What a run may use of the machine, and what it says while it works."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner

import salvage.build
from salvage.build import _Progress, run_dbt
from salvage.cli import main
from salvage.resources import MEMORY_LIMIT, SPILL_FOLDER, THREADS, Resources, duckdb_config

_SETTINGS = "memory_limit", "threads", "temp_directory"


def settings_of(connection: duckdb.DuckDBPyConnection) -> tuple[Any, ...]:
    query = ", ".join(f"current_setting('{name}')" for name in _SETTINGS)
    row = connection.execute(f"select {query}").fetchone()
    assert row is not None
    return row


def test_every_duckdb_of_a_run_keeps_to_its_limits(tmp_path: Path) -> None:
    """The steps around dbt, and dbt: it tells its settings by a macro."""
    expected = ("1.0 GiB", 1, str(tmp_path / "spill"))
    said: list[str] = []
    with Resources("1GiB", 1, tmp_path / "spill").in_force():
        with duckdb.connect(config=duckdb_config()) as connection:
            assert settings_of(connection) == expected
        columns = ", ".join(f"current_setting('{name}') as {name}" for name in _SETTINGS)
        outcome = run_dbt(
            ["--quiet", "show", "--inline", f"select {columns}", "--output", "json"],
            tmp_path / "warehouse.duckdb",
            tmp_path,
            callbacks=[lambda event: said.append(event.info.msg)],
        )
    assert outcome.success, said
    told = "".join(said)
    for value in expected:
        assert str(value) in told


def test_limits_end_with_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(THREADS, "7")
    monkeypatch.delenv(MEMORY_LIMIT, raising=False)
    with Resources("1GiB", 1, None).in_force():
        assert os.environ[THREADS] == "1"
    assert os.environ[THREADS] == "7"
    assert MEMORY_LIMIT not in os.environ


def test_without_limits_half_of_the_memory_and_all_processors_are_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in (MEMORY_LIMIT, THREADS, SPILL_FOLDER):
        monkeypatch.delenv(name, raising=False)
    config = duckdb_config()
    n_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert config["memory_limit"] == f"{n_bytes // 2 // 1024**2}MiB"
    assert config["threads"] == len(os.sched_getaffinity(0))
    assert "temp_directory" not in config


@pytest.mark.parametrize(
    ("option", "value", "cause"),
    [
        ("--memory-limit", "8 apples", "8GB or 512MiB"),
        ("--threads", "0", "x>=1"),
        ("--spill-folder", "/nowhere/at/all", "does not exist"),
    ],
)
def test_limit_that_is_none_is_wrong_usage(option: str, value: str, cause: str) -> None:
    result = CliRunner().invoke(main, ["run", option, value])
    assert result.exit_code == 2
    assert cause in result.output


def event(name: str, node: str = "", node_count: int = 0) -> Any:
    return SimpleNamespace(
        info=SimpleNamespace(name=name),
        data=SimpleNamespace(node_count=node_count, node_info=SimpleNamespace(node_name=node)),
    )


def test_long_build_without_a_terminal_says_what_runs_and_how_far(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(salvage.build._Progress, "_SECONDS_BETWEEN_LINES", 0.05)
    with _Progress(show_bar=False) as progress:
        progress.on_event(event("ConcurrencyLine", node_count=3))
        progress.on_event(event("NodeStart", "int_patients"))
        progress.on_event(event("NodeFinished", "int_patients"))
        progress.on_event(event("NodeStart", "int_drug_eras"))
        said = ""
        for _ in range(200):
            said += capsys.readouterr().err
            if "int_drug_eras" in said:
                break
            progress._ended.wait(0.05)
    assert "building: 1 of 3 steps after 0 s; now int_drug_eras\n" in said
