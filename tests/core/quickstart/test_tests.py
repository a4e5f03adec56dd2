"""The verb `test`: which arguments pytest gets."""

from __future__ import annotations

import pytest

from bespoke_core.quickstart.tests import shared_out


def test_the_tests_are_shared_by_two_processes_file_by_file():
    assert shared_out(["tests/core"], cores=2) == ["-n", "2", "--dist", "loadfile", "tests/core"]


@pytest.mark.parametrize("words", [["-n", "4"], ["-n4"], ["--numprocesses=1"], ["-p", "no:xdist"], ["--pdb"]])
def test_a_number_of_processes_or_a_debugger_of_ones_own_is_kept(words):
    assert shared_out(words, cores=8) == words


def test_a_single_core_runs_the_tests_itself():
    assert shared_out(["-x"], cores=1) == ["-x"]
