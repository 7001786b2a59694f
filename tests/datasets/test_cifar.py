import io
import os
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
from small_files import described

from pdebridge.datasets import cifar
from pdebridge.datasets.cifar import CIFAR10, CIFAR100, cifar10, cifar100, read_batch
from pdebridge.datasets.fetch import Source
from pdebridge.errors import UserError


def batch(n, classes, labels, first=0):
    """A batch as Python 3 writes it; pixel (row 1, column 2) of the green channel is the image's number."""
    data = np.random.default_rng(first).integers(0, 256, (n, 3072), dtype=np.uint8)
    data[:, 1024 + 32 + 2] = first + np.arange(n)
    content = {b"batch_label": b"a batch", labels: [(first + i) % classes for i in range(n)], b"data": data}
    return pickle.dumps(content, protocol=4)


def official(data, labels):
    """The bytes that Python 2 wrote: protocol 2, byte strings, ``numpy.core``."""
    out = b"\x80\x02}q\x01(U\x06labelsq\x02]q\x03(" + b"".join(b"K" + bytes([c]) for c in labels) + b"e"
    out += b"U\x04dataq\x04cnumpy.core.multiarray\n_reconstruct\nq\x05cnumpy\nndarray\nq\x06K\x00\x85U\x01b\x87Rq\x07("
    out += b"K\x01M" + len(data).to_bytes(2, "little") + b"M\x00\x0c\x86cnumpy\ndtype\nq\x08U\x02u1K\x00K\x01\x87Rq\x09"
    out += b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T" + data.nbytes.to_bytes(4, "little")
    return out + data.tobytes() + b"tbu."


def ten(n=20):
    files = {file.path: batch(n, 10, b"labels", n * k) for k, file in enumerate(CIFAR10.files[:-1])}
    return files | {CIFAR10.files[-1].path: batch(10, 10, b"labels")}


def test_a_batch_of_the_official_bytes_is_read(tmp_path):
    data = np.random.default_rng(0).integers(0, 256, (3, 3072), dtype=np.uint8)
    (tmp_path / "batch").write_bytes(official(data, [3, 1, 9]))
    x, c = read_batch(tmp_path / "batch", b"labels")
    assert c.tolist() == [3, 1, 9]
    assert x.shape == (3, 3, 32, 32)
    assert x[1, 2, 5, 7] == data[1, 2 * 1024 + 5 * 32 + 7]


def check_ten(data):
    number = np.round(data.x_train[:, 1, 1, 2] * 255).astype(int)
    assert data.x_train.shape == (80, 3, 32, 32)
    assert np.array_equal(number % 10, data.c_train)
    assert np.bincount(data.c_train).tolist() == [8] * 10
    assert np.bincount(data.c_validation).tolist() == [2] * 10
    assert data.x_test.shape == (10, 3, 32, 32)


def test_a_small_cifar10_of_six_batches(mirrored, monkeypatch, tmp_path):
    mirror, source = mirrored(ten())
    monkeypatch.setattr(cifar, "CIFAR10", source)
    check_ten(cifar10(validation=20, scaling="unit", folder=tmp_path / "data", mirror=mirror))


def test_a_small_cifar10_archive(mirrored, monkeypatch, tmp_path):
    mirror, source = mirrored(ten())
    with tarfile.open(mirror / "cifar-10-python.tar.gz", "w:gz") as tar:
        for file in source.files:
            tar.add(mirror / file.path, file.path)
            (mirror / file.path).unlink()
    monkeypatch.setattr(cifar, "CIFAR10", Source(source.files, described(mirror, "cifar-10-python.tar.gz")))
    check_ten(cifar10(validation=20, scaling="unit", folder=tmp_path / "data", mirror=mirror))


def test_a_small_cifar100(mirrored, monkeypatch, tmp_path):
    mirror, source = mirrored({f.path: batch(200, 100, b"fine_labels") for f in CIFAR100.files})
    monkeypatch.setattr(cifar, "CIFAR100", source)
    data = cifar100(validation=100, folder=tmp_path / "data", mirror=mirror)
    assert data.classes == 100
    assert np.bincount(data.c_train).tolist() == [1] * 100
    assert np.allclose(data.x_train.mean(axis=(1, 2, 3)), 0, atol=1e-5)


class Evil:
    def __reduce__(self):
        return (os.system, ("touch executed",))


def global_opcode(module, name, argument=b""):
    return b"\x80\x02c" + module + b"\n" + name + b"\n" + argument + b"."


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps(Evil()),
        pickle.dumps({b"data": np.zeros((1, 3072), np.uint8), b"labels": Evil()}),
        pickle.dumps({b"data": np.array([Evil()], dtype=object), b"labels": [1]}),
        global_opcode(b"builtins", b"eval", b"(U\x011tR"),
        global_opcode(b"numpy", b"load"),
        global_opcode(b"numpy.testing", b"runstring"),
        pickle.dumps(np.float64(1)),
        pickle.dumps(Path("x")),
    ],
)
def test_a_pickle_that_asks_for_anything_but_arrays_is_refused_and_not_run(content, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "batch").write_bytes(content)
    with pytest.raises(UserError, match=r"batch is not a CIFAR batch: it asks for .* only numpy arrays are admitted"):
        read_batch(tmp_path / "batch", b"labels")
    assert not (tmp_path / "executed").exists()


def test_the_malicious_pickle_would_work_on_the_open_unpickler(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pickle.load(io.BytesIO(pickle.dumps(Evil())))
    assert (tmp_path / "executed").exists()


@pytest.mark.parametrize("content", [b"", b"\x80\x04", pickle.dumps({}), pickle.dumps([1]), pickle.dumps({b"data": 1})])
def test_a_pickle_that_is_no_batch_is_refused_in_one_line(content, tmp_path):
    (tmp_path / "batch").write_bytes(content)
    with pytest.raises(UserError, match="is not a CIFAR batch") as error:
        read_batch(tmp_path / "batch", b"labels")
    assert "\n" not in str(error.value)


@pytest.mark.skipif(
    not (Path(os.environ.get("PDEBRIDGE_MIRROR", "")) / CIFAR10.files[0].path).is_file(),
    reason="needs a mirror with CIFAR-10",
)
def test_the_real_set(tmp_path):
    data = cifar10(folder=tmp_path)
    assert data.x_train.shape == (40_000, 3, 32, 32)
    assert np.bincount(data.c_train).tolist() == [4000] * 10
    assert np.bincount(data.c_validation).tolist() == [1000] * 10
    assert np.bincount(data.c_test).tolist() == [1000] * 10
