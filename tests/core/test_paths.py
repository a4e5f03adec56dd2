"""Which paths a node may touch."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bespoke_core.errors import InputError
from bespoke_core.paths import Roots, contained, portable, safe_name


@pytest.fixture
def roots(tmp_path: Path) -> Roots:
    for name in ("input", "output"):
        (tmp_path / name).mkdir()
    (tmp_path / "input" / "set").mkdir()
    return Roots(read=(tmp_path / "input", tmp_path / "output"), write=(tmp_path / "output",))


def test_a_relative_path_is_found_under_the_first_root_that_has_it(roots: Roots, tmp_path: Path) -> None:
    assert roots.readable("set") == tmp_path / "input" / "set"


def test_either_slash_separates(roots: Roots, tmp_path: Path) -> None:
    (tmp_path / "input" / "set" / "deep").mkdir()
    assert roots.readable("set\\deep") == tmp_path / "input" / "set" / "deep"


@pytest.mark.parametrize("text", ["..", "../x", "set/../../x", "/etc/passwd", "set\\..\\..\\x"])
def test_a_path_that_leaves_the_roots_is_refused(roots: Roots, text: str) -> None:
    with pytest.raises(InputError, match="leaves the allowed folders"):
        roots.readable(text)
    with pytest.raises(InputError, match="leaves the allowed folders"):
        roots.writable(text)


@pytest.mark.skipif(os.name == "nt", reason="making links needs rights on Windows")
def test_a_link_that_leads_out_is_followed_and_refused(roots: Roots, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "input" / "innocent").symlink_to(tmp_path / "secret")
    with pytest.raises(InputError, match="leaves the allowed folders"):
        roots.readable("innocent")


def test_a_missing_folder_says_where_it_was_looked_for(roots: Roots, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="input"):
        roots.readable("nothing")


def test_a_windows_drive_path_is_explained_on_other_systems() -> None:
    if os.name == "nt":
        pytest.skip("drive paths are right on Windows")
    with pytest.raises(InputError, match="Windows path"):
        portable("C:\\pictures\\set")


@pytest.mark.parametrize("text", ["", "  ", '""', "a\0b"])
def test_an_empty_path_or_a_nul_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="path"):
        portable(text)


def test_the_owner_may_list_more_folders(roots: Roots, tmp_path: Path) -> None:
    extra = tmp_path / "elsewhere"
    extra.mkdir()
    config = tmp_path / "bespoke.toml"
    config.write_text(f"[paths]\nread = ['{extra.as_posix()}']\n", encoding="utf-8")
    wider = roots.with_config(config)
    assert wider.readable(str(extra)) == extra
    with pytest.raises(InputError):
        wider.writable(str(extra / "new"))


@pytest.mark.parametrize("text", ["[paths]\nread = 3", "[paths]\nread = ['relative']", "nonsense"])
def test_a_wrong_config_is_refused_by_name(roots: Roots, tmp_path: Path, text: str) -> None:
    config = tmp_path / "bespoke.toml"
    config.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"bespoke\.toml"):
        roots.with_config(config)


def test_an_ending_that_is_not_allowed_is_refused(roots: Roots, tmp_path: Path) -> None:
    (tmp_path / "input" / "a.exe").touch()
    with pytest.raises(InputError, match=r"\.exe"):
        roots.readable("a.exe", suffixes=(".toml",))


@given(st.text(max_size=60))
def test_no_text_ever_resolves_outside_the_write_roots(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    root = tmp_path_factory.getbasetemp() / "write"
    root.mkdir(exist_ok=True)
    try:
        path = Roots(read=(root,), write=(root,)).writable(text)
    except InputError:
        return
    assert contained(root, path)


@given(st.text(max_size=200))
def test_a_safe_name_is_one_plain_name(text: str) -> None:
    try:
        name = safe_name(text)
    except InputError:
        return
    assert name
    assert not set(name) & set('/\\:*?"<>|\0')
    assert name not in {".", ".."}
