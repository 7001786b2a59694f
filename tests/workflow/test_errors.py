"""Whatever goes wrong ends in one clear line and a status that is not zero, before compute is spent."""

import pytest

pytestmark = pytest.mark.workflow


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("scal=laptop", "config/config.yaml: scal: unknown key; did you mean 'scale'?"),
        ("scale=laptob", "scale: Input should be 'test', 'laptop', 'workstation' or 'cluster' (found 'laptob')"),
        ("experiments=[figur1]", "no experiment 'figur1' in config/experiments; did you mean 'figure1'?"),
        ("overrides={figure1: {network: {dynamics: dens}}}", "unknown dynamics 'dens'; did you mean 'dense'?"),
    ],
)
def test_a_wrong_key_stops_the_workflow_before_any_job(project, config, expected):
    done = project.snakemake("--config", config)
    assert done.returncode != 0
    assert expected in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert not (project.folder / "results" / "laptop").exists()


def test_an_illegal_network_stops_the_workflow_before_any_training(project):
    done = project.snakemake("--config", "overrides={figure1: {network: {dynamics: {options: {activation: tan}}}}}")
    assert done.returncode != 0
    assert "config/experiments/figure1.yaml, cell 'T5': network" in done.stderr
    assert "--resolved" not in done.stderr  # the command with its whole configuration
    assert not (project.folder / "results" / "laptop" / "runs").exists()


def test_a_file_in_the_place_of_the_results(project):
    for path in sorted((project.folder / "results").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    (project.folder / "results").rmdir()
    (project.folder / "results").write_text("in the way")
    done = project.snakemake()
    assert done.returncode != 0
    assert "results" in done.stdout + done.stderr
    assert (project.folder / "results").read_text() == "in the way"


def test_a_folder_that_cannot_be_written_is_named(project):
    done = project.pdebridge("train", "figure1/T5", "--out", "/proc/nowhere/T5.json")
    assert done.returncode != 0
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("pdebridge train: /proc/nowhere")


def test_an_absent_network_names_address_mirror_and_file(project):
    done = project.pdebridge("fetch", "mnist")
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("pdebridge fetch: cannot download train-images-idx3-ubyte.gz from https://")
    assert "PDEBRIDGE_MIRROR" in line
    assert not list((project.folder / "data").rglob("*.gz"))


def test_a_broken_mirror_file_is_refused(project):
    (project.folder / "mirror" / "mnist").mkdir(parents=True)
    for part in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (project.folder / "mirror" / "mnist" / f"{part}-ubyte.gz").write_bytes(b"truncated")
    done = project.pdebridge("fetch", "mnist", "--set", "data.mirror=mirror")
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert "expected md5:f68b3c2dcbeaaa9fbdd348bbdeb94873, found md5:" in line
    assert not list((project.folder / "data").rglob("*.gz"))


def test_verbs_name_what_is_missing(project):
    for arguments, expected in [
        (("train", "figure1"), "name one of its cells: figure1/T5, figure1/T20"),
        (("train", "figure1/T6"), "name one of its cells"),
        (("train", "figure1/T5", "--set", "tracking"), "expected KEY=VALUE"),
        (("fetch", "ellipses"), "'ellipses' is not downloaded; these are: cifar10"),
        (("regress", "--scale", "workstation"), "no finished run of scale workstation"),
        (("report",), "no finished run"),
        (("table", "missing.json", "--out", "x"), "missing.json: not a file of measurements"),
    ]:
        done = project.pdebridge(*arguments)
        assert done.returncode == 2, arguments
        assert expected in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
