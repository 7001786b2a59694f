"""Outputs are written whole or not at all, and a disk that fills up is reported with the file's name."""

import errno

import pytest

from pdebridge.files import replace_folder, whole


def test_a_file_appears_only_when_it_is_whole(tmp_path):
    with whole(tmp_path / "deep" / "a.txt") as partial:
        partial.write_text("a")
        assert not (tmp_path / "deep" / "a.txt").exists()
    assert (tmp_path / "deep" / "a.txt").read_text() == "a"


def test_a_full_disk_leaves_what_was_there_and_names_the_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("before")
    with pytest.raises(OSError, match=r"No space.*a\.txt"), whole(path) as partial:
        partial.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_text() == "before"


def test_a_folder_takes_the_place_of_another(tmp_path):
    for name in ("new", "old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "content").write_text(name)
    replace_folder(tmp_path / "new", tmp_path / "old")
    assert (tmp_path / "old" / "content").read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["old"]
