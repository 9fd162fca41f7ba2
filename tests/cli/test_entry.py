from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import pytest

from sftcore.cli import COMMANDS, group, main

Call = Callable[..., subprocess.CompletedProcess[str]]
HEAVY = ["torch", "transformers", "datasets", "evaluate", "pydantic", "pluggy", "rich", "numpy"]


def test_help_names_every_command_and_loads_nothing_heavy(environment: Callable[..., dict[str, str]]) -> None:
    code = (
        "import sys; from sftcore.cli import main; code = main(['--help']); "
        f"print(code, [name for name in {HEAVY} if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    assert shown.stdout.splitlines()[-1] == "0 []"
    for name, help_text in COMMANDS.items():
        assert f"  {name} " in shown.stdout
        assert help_text in shown.stdout, "the help of a command is wrapped"


@pytest.mark.parametrize("verb", COMMANDS)
def test_help_of_a_command_loads_nothing_heavy(verb: str, environment: Callable[..., dict[str, str]]) -> None:
    code = (
        f"import sys; from sftcore.cli import main; code = main(['{verb}', '--help']); "
        f"print(code, [name for name in {HEAVY} if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    assert shown.stdout.splitlines()[-1] == "0 []"
    assert f"Usage: sftcore {verb}" in shown.stdout


def test_help_costs_at_most_eight_times_an_empty_python(environment: Callable[..., dict[str, str]]) -> None:
    empty, shown = _cpu_seconds(["-c", "pass"], environment()), _cpu_seconds(["-m", "sftcore", "--help"], environment())
    assert shown <= 8 * empty, f"{shown:.3f} s against {empty:.3f} s"


def _cpu_seconds(arguments: Sequence[str], env: dict[str, str]) -> float:
    """The least of some runs: other processes only ever add to it."""

    def once() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], env=env, stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return min(once() for _ in range(9))


def test_sftcore_alone_prints_its_help(sftcore: Call) -> None:
    shown = sftcore()
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "Commands:" in shown.stdout


def test_version_names_the_libraries_that_count(sftcore: Call) -> None:
    shown = sftcore("--version")
    assert shown.returncode == 0
    for name in ("sftcore", "Python", "torch", "transformers", "datasets"):
        assert name in shown.stdout


def test_each_command_module_has_a_command_of_its_name_that_says_what_it_does() -> None:
    for name in COMMANDS:
        command = group.get_command(click.Context(group), name)
        assert isinstance(command, click.Command), name
        assert command.name == name
        assert command.help


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["rnu"], "sftcore  rnu\n  no such command; did you mean run?\n  see sftcore --help\n"),
        (["--hlep"], "sftcore  --hlep\n  no such option; did you mean --help?\n  see sftcore --help\n"),
        (
            ["check", "r.toml", "--shap"],
            "sftcore check  --shap\n  no such option; did you mean --shape?\n  see sftcore check --help\n",
        ),
        (["run"], "sftcore run\n  missing argument 'RECIPE'\n  see sftcore run --help\n"),
        (
            ["schema", "--out"],
            "sftcore schema  --out\n  option '--out' requires an argument\n  see sftcore schema --help\n",
        ),
    ],
)
def test_a_wrong_call_is_told_in_the_form_of_errors(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", expected)


def test_an_unlike_name_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["xyzzy"]) == 2
    assert (
        "there is check, compare, evaluate, export, new, plugins, predict, push, report, run, schema, try …"
        in capsys.readouterr().err
    )


def test_a_wrong_value_says_what_is_expected(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "r.toml", "--examples", "many"]) == 2
    assert "sftcore check  --examples\n  'many' is not a valid integer range" in capsys.readouterr().err


def test_with_json_an_error_is_json_on_stdout_and_text_on_stderr(sftcore: Call) -> None:
    shown = sftcore("rnu", "--json")
    assert shown.returncode == 2
    error = json.loads(shown.stdout)["error"]
    assert (error["kind"], error["exit_code"]) == ("UsageError", 2)
    assert error["problems"][0]["message"] == "no such command; did you mean run?"
    assert "did you mean run?" in shown.stderr


def test_a_missing_recipe_is_the_users_mistake_and_leaves_nothing_behind(tmp_path: Path, sftcore: Call) -> None:
    shown = sftcore("run", "absent.toml", cwd=tmp_path)
    assert shown.returncode == 2, shown.stderr
    assert "absent.toml" in shown.stderr
    assert "Traceback" not in shown.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "code", "told"), [(["--help"], 141, b""), (["run", "absent.toml", "--json"], 2, b"no such file")]
)
def test_a_reader_who_goes_away_is_no_error(
    arguments: list[str], code: int, told: bytes, environment: Callable[..., dict[str, str]]
) -> None:
    first = subprocess.Popen(
        [sys.executable, "-m", "sftcore", *arguments],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert first.stdout is not None and first.stderr is not None
    first.stdout.close()
    errors = first.stderr.read()
    assert first.wait(timeout=60) == code
    assert told in errors and errors.count(b"\n") <= 3 * bool(told), errors


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["new", "--help"], []])
def test_what_only_informs_ends_with_zero(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    shown = capsys.readouterr()
    assert shown.out and not shown.err


def test_shells_complete_commands_and_options(sftcore: Call) -> None:
    source = sftcore(_SFTCORE_COMPLETE="bash_source")
    assert (source.returncode, "complete" in source.stdout) == (0, True)
    words = sftcore(_SFTCORE_COMPLETE="bash_complete", COMP_WORDS="sftcore pl", COMP_CWORD="1")
    assert words.stdout == "plain,plugins\n"


def test_an_interruption_is_130(environment: Callable[..., dict[str, str]]) -> None:
    code = (
        "import os, signal, sys; from sftcore import cli; "
        "cli._invoke = lambda arguments: os.kill(os.getpid(), signal.SIGINT); sys.exit(cli.main(['run']))"
    )
    shown = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=False)
    assert (shown.returncode, shown.stderr) == (130, "stopped\n")
