"""The quick look into the folders of sys.path finds what importlib.metadata finds."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import pytest

from lithops.plugins.entrypoints import EntryPoint, find_entry_points


def install(folder: Path, name: str, text: str, suffix: str = "dist-info") -> None:
    home = folder / f"{name}.{suffix}"
    home.mkdir(parents=True)
    if text:
        (home / "entry_points.txt").write_text(text, encoding="utf-8")
    project, _, version = name.partition("-")
    kind = "METADATA" if suffix == "dist-info" else "PKG-INFO"
    (home / kind).write_text(f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n", encoding="utf-8")


@pytest.mark.parametrize("group", ["lithops", "console_scripts", "pytest11", "nothing_has_this"])
def test_finds_in_this_environment_what_importlib_finds(group: str) -> None:
    theirs = {(entry.name, entry.value.partition("[")[0].strip()) for entry in metadata.entry_points(group=group)}
    assert {(entry.name, entry.value) for entry in find_entry_points(group)} == theirs
    assert bool(theirs) is (group != "nothing_has_this")


def test_reads_names_values_and_where_they_come_from(tmp_path: Path) -> None:
    text = "[other]\nx = no\n\n[lithops]\n# a comment\nacme = acme.plugin [extra]\n ab=acme:obj.attr\n\n[z]\ny = no\n"
    install(tmp_path, "lithops_backend_acme-1.2", text)
    assert find_entry_points("lithops", [str(tmp_path)]) == [
        EntryPoint("ab", "acme:obj.attr", "lithops-backend-acme", "1.2"),
        EntryPoint("acme", "acme.plugin", "lithops-backend-acme", "1.2"),
    ]


def test_a_distribution_that_is_on_the_path_twice_counts_once(tmp_path: Path) -> None:
    install(tmp_path / "editable", "Acme_Plugin-2", "[lithops]\nacme = new\n")
    install(tmp_path / "site", "acme.plugin-1", "[lithops]\nacme = old\n")
    folders = [str(tmp_path / "editable"), str(tmp_path / "site"), str(tmp_path / "editable")]
    assert [entry.value for entry in find_entry_points("lithops", folders)] == ["new"]


def test_a_first_installation_without_entry_points_hides_the_second(tmp_path: Path) -> None:
    install(tmp_path / "a", "acme-2", "")
    install(tmp_path / "b", "acme-1", "[lithops]\nacme = old\n")
    assert find_entry_points("lithops", [str(tmp_path / "a"), str(tmp_path / "b")]) == []


def test_folders_that_are_missing_or_hold_rubbish_are_passed_over(tmp_path: Path) -> None:
    install(tmp_path, "good-1", "[lithops]\ngood = good\n")
    (tmp_path / "bad-1.dist-info").mkdir()
    (tmp_path / "bad-1.dist-info" / "entry_points.txt").write_bytes(b"\xff\xfe[lithops]\nno equals sign\n\x00")
    (tmp_path / "folder-1.dist-info" / "entry_points.txt").mkdir(parents=True)
    (tmp_path / "file-1.dist-info").write_text("not a folder", encoding="utf-8")
    found = find_entry_points("lithops", [str(tmp_path / "missing"), str(tmp_path)])
    assert [entry.name for entry in found] == ["good"]


def test_an_old_style_egg_info_is_found(tmp_path: Path) -> None:
    install(tmp_path, "acme", "[lithops]\nacme = acme.plugin\n", suffix="egg-info")
    install(tmp_path, "other-1", "[lithops]\nother = other.plugin\n")
    assert [entry.name for entry in find_entry_points("lithops", [str(tmp_path)])] == ["acme", "other"]


def test_a_distribution_inside_an_archive_is_found(tmp_path: Path) -> None:
    archive = tmp_path / "acme.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("acme-3.dist-info/entry_points.txt", "[lithops]\nacme = acme.plugin\n")
        file.writestr("acme-3.dist-info/METADATA", "Metadata-Version: 2.1\nName: acme\nVersion: 3\n")
    assert find_entry_points("lithops", [str(archive)]) == [EntryPoint("acme", "acme.plugin", "acme", "3")]


def test_what_another_finder_knows_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "hidden-1", "[lithops]\nhidden = hidden.plugin\n")

    class Finder(metadata.MetadataPathFinder):  # not of the import system's own module
        @classmethod
        def find_distributions(cls, *_: object, **__: object) -> Iterable[metadata.PathDistribution]:
            return [metadata.PathDistribution(tmp_path / "hidden-1.dist-info")]

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder])
    assert "hidden" in [entry.name for entry in find_entry_points("lithops")]


def test_the_quick_look_does_not_load_importlib_metadata() -> None:
    program = (
        "import sys, pluggy; before = set(sys.modules)\n"
        "from lithops.plugins import registry; registry().compute('localhost')\n"
        "print('importlib.metadata' in set(sys.modules) - before)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == "False"
