"""The command line as a script meets it: exit codes, one sentence for bad input, JSON on request."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bespoke_core.cli import main
from bespoke_core.commands import VERBS


def bespoke(pack: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bespoke_core", *arguments],
        cwd=pack,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


@pytest.mark.parametrize("verb", [verb.name for verb in VERBS])
def test_every_verb_has_help(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([verb, "--help"])
    assert stopped.value.code == 0
    assert "--json" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["audit", "no such folder"],
        ["clean", "no such folder", "--output", "x"],
        ["restore", "no such folder"],
        ["train", "no_such.toml"],
        ["verdict", "no_such.csv"],
        ["report", "no such folder"],
        ["sweep", "no_such.toml", "--output", "x"],
        ["score", "no_such.png"],
        ["downscale", "no_such.png", "--output", "x"],
    ],
)
def test_bad_input_ends_with_code_2_and_one_sentence_that_names_it(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert "no" in error
    assert "Traceback" not in error
    assert not list(tmp_path.iterdir())


def test_json_errors_are_machine_readable(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "no such folder", "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["problem"]
    assert error["remedy"]


def test_a_missing_package_is_named_with_the_remedy(pack: Path, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("checkpoint,epoch,prompt,seed,unique_colors\na,1,p,1,5\n", encoding="utf-8")
    code = (
        f"import sys; sys.path.append({str(pack)!r}); from bespoke_core.cli import main; "
        f"sys.exit(main(['verdict', {str(table)!r}]))"
    )
    # -S leaves out every installed package, as on a bare Python
    result = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True)
    assert result.returncode == 2
    assert "package numpy is missing" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_unknown_verb_lists_the_known_ones(pack: Path) -> None:
    result = bespoke(pack, "dance")
    assert result.returncode == 2
    assert "verdict" in result.stderr


def test_the_version_is_that_of_the_library(pack: Path) -> None:
    from bespoke_core import __version__

    assert bespoke(pack, "--version").stdout.strip() == f"bespoke {__version__}"
