import dataclasses
import re
import tarfile

import pytest
from small_files import described

from pdebridge.catalogue import SOURCES
from pdebridge.cube import load
from pdebridge.datasets.fetch import File, Source, checksum_of, fetch, intact
from pdebridge.errors import UserError

CONTENT = b"ten bytes!" * 1000


@pytest.fixture
def one(published):
    """A source of one published file."""
    folder, base = published
    (folder / "set").mkdir()
    (folder / "set/data.bin").write_bytes(CONTENT)
    return Source((described(folder, "set/data.bin", base),))


def only(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def message(error):
    text = str(error.value)
    assert "\n" not in text
    return text


def test_downloads_verifies_and_keeps(one, tmp_path):
    [path] = fetch(one, tmp_path / "data")
    assert path == tmp_path / "data/set/data.bin"
    assert path.read_bytes() == CONTENT
    assert only(tmp_path / "data") == ["set/data.bin"]


def test_an_intact_file_is_not_fetched_again(one, tmp_path, published):
    fetch(one, tmp_path / "data")
    (published[0] / "set/data.bin").unlink()
    fetch(one, tmp_path / "data")


def test_a_damaged_file_in_the_folder_is_replaced(one, tmp_path):
    [path] = fetch(one, tmp_path / "data")
    path.write_bytes(CONTENT[:-1])
    fetch(one, tmp_path / "data")
    assert path.read_bytes() == CONTENT


def test_a_wrong_download_is_refused_with_both_checksums_and_leaves_nothing(one, tmp_path, published):
    (published[0] / "set/data.bin").write_bytes(CONTENT[:-1])
    with pytest.raises(UserError) as error:
        fetch(one, tmp_path / "data")
    found = described(published[0], "set/data.bin").checksum
    assert f"expected {one.files[0].checksum}, found {found}" in message(error)
    assert one.files[0].addresses[0] in message(error)
    assert only(tmp_path / "data") == []


def test_a_broken_off_download_is_refused_and_leaves_nothing(tmp_path, published):
    (published[0] / "broken-off.bin").write_bytes(CONTENT)
    with pytest.raises(UserError) as error:
        fetch(Source((described(*published[:1], "broken-off.bin", published[1]),)), tmp_path / "data")
    assert "broken-off.bin" in message(error)
    assert only(tmp_path / "data") == []


def test_the_second_address_is_tried(one, tmp_path, published):
    file = dataclasses.replace(one.files[0], addresses=(published[1] + "gone.bin", *one.files[0].addresses))
    [path] = fetch(Source((file,)), tmp_path / "data")
    assert path.read_bytes() == CONTENT


def test_a_missing_page_names_the_status(one, tmp_path, published):
    file = dataclasses.replace(one.files[0], addresses=(published[1] + "gone.bin",))
    with pytest.raises(UserError, match=r"gone\.bin \(HTTP 404\)"):
        fetch(Source((file,)), tmp_path / "data")


def test_no_network_ends_in_one_line_with_address_variable_and_file(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("PDEBRIDGE_MIRROR", raising=False)
    address = "http://127.0.0.1:9/set/data.bin"
    with pytest.raises(UserError) as error:
        fetch(Source((File("set/data.bin", "md5:0", (address,)),)), tmp_path / "data")
    for part in (address, "PDEBRIDGE_MIRROR", "set/data.bin", "ConnectionError"):
        assert part in message(error)
    assert only(tmp_path / "data") == []


@pytest.mark.parametrize("by", ["argument", "variable"])
def test_the_mirror_is_tried_before_the_address(by, tmp_path, mirrored, monkeypatch):
    mirror, source = mirrored({"set/data.bin": CONTENT})
    unreachable = Source((dataclasses.replace(source.files[0], addresses=("http://127.0.0.1:9/",)),))
    if by == "variable":
        monkeypatch.setenv("PDEBRIDGE_MIRROR", str(mirror))
    [path] = fetch(unreachable, tmp_path / "data", mirror if by == "argument" else None)
    assert path.read_bytes() == CONTENT


def test_what_the_mirror_lacks_is_downloaded(one, tmp_path):
    (tmp_path / "mirror").mkdir()
    [path] = fetch(one, tmp_path / "data", tmp_path / "mirror")
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("damaged", [b"", CONTENT[:-1], CONTENT[:-1] + b"?"])
def test_a_damaged_mirror_file_is_refused_and_leaves_nothing(damaged, tmp_path, mirrored):
    mirror, source = mirrored({"set/data.bin": CONTENT})
    (mirror / "set/data.bin").write_bytes(damaged)
    with pytest.raises(UserError) as error:
        fetch(source, tmp_path / "data", mirror)
    found = checksum_of(mirror / "set/data.bin", "sha256:")
    assert f"expected {source.files[0].checksum}, found {found}" in message(error)
    assert str(mirror / "set/data.bin") in message(error)
    assert only(tmp_path / "data") == []


def test_a_mirror_that_is_no_folder_is_named(one, tmp_path):
    with pytest.raises(UserError, match="no-such-folder is not a folder"):
        fetch(one, tmp_path / "data", tmp_path / "no-such-folder")


@pytest.fixture
def packed(mirrored, tmp_path):
    """A mirror that holds an archive alone, and the source of its two members."""
    mirror, source = mirrored({"set/a": b"a" * 100, "set/b": b"b" * 100})
    with tarfile.open(mirror / "set.tar.gz", "w:gz") as tar:
        for member in ("set/a", "set/b"):
            tar.add(mirror / member, member)
            (mirror / member).unlink()
    return mirror, Source(source.files, described(mirror, "set.tar.gz"))


def test_an_archive_is_unpacked_and_does_not_stay(packed, tmp_path):
    mirror, source = packed
    a, b = fetch(source, tmp_path / "data", mirror)
    assert (a.read_bytes(), b.read_bytes()) == (b"a" * 100, b"b" * 100)
    assert only(tmp_path / "data") == ["set/a", "set/b"]


def test_a_mirror_may_hold_the_members_instead(packed, tmp_path):
    mirror, source = packed
    (mirror / "set/a").write_bytes(b"a" * 100)
    (mirror / "set/b").write_bytes(b"b" * 100)
    (mirror / "set.tar.gz").unlink()
    fetch(source, tmp_path / "data", mirror)
    assert only(tmp_path / "data") == ["set/a", "set/b"]


def test_an_archive_is_downloaded(packed, tmp_path, published):
    mirror, source = packed
    (mirror / "set.tar.gz").rename(published[0] / "set.tar.gz")
    fetch(Source(source.files, described(*published[:1], "set.tar.gz", published[1])), tmp_path / "data")
    assert only(tmp_path / "data") == ["set/a", "set/b"]


def test_a_truncated_archive_is_refused_and_leaves_nothing(packed, tmp_path):
    mirror, source = packed
    (mirror / "set.tar.gz").write_bytes((mirror / "set.tar.gz").read_bytes()[:-10])
    with pytest.raises(UserError, match=f"expected {source.archive.checksum}"):
        fetch(source, tmp_path / "data", mirror)
    assert only(tmp_path / "data") == []


def test_a_member_that_is_not_the_published_one_is_refused(packed, tmp_path):
    mirror, source = packed
    other = dataclasses.replace(source.files[1], checksum="md5:" + 32 * "0")
    with pytest.raises(UserError, match=r"set/b in set\.tar\.gz is damaged .* expected md5:0+, found md5:"):
        fetch(Source((source.files[0], other), source.archive), tmp_path / "data", mirror)
    assert only(tmp_path / "data") == ["set/a"]


def test_intact_needs_the_file_and_its_checksum(tmp_path):
    (tmp_path / "file").write_bytes(b"abc")
    assert intact(tmp_path / "file", "md5:900150983cd24fb0d6963f7d28e17f72")
    assert not intact(tmp_path / "file", "md5:" + 32 * "0")
    assert not intact(tmp_path / "none", "md5:900150983cd24fb0d6963f7d28e17f72")


@pytest.mark.parametrize("name", SOURCES)
def test_every_file_has_a_checksum_and_a_way_to_get_it(name):
    source = load(SOURCES[name])
    for file in (*source.files, *filter(None, [source.archive])):
        assert re.fullmatch(r"md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}", file.checksum)
    for file in [source.archive] if source.archive else source.files:
        assert all(re.fullmatch(r"https?://[^/]+/.*", address) for address in file.addresses)
        assert all(address.endswith("/" + file.path.split("/")[-1]) for address in file.addresses)
        assert file.addresses
