"""What the machine can do is said before the pipeline finds out."""

import pytest

from pdebridge.bench import device
from pdebridge.bench.device import POINTS, TOLERANCE, disagreement, measure
from pdebridge.cli import main
from pdebridge.configuration.settings import Settings
from pdebridge.doctor import examine


def findings(**settings):
    return {finding.subject: finding for finding in examine(Settings.model_validate(settings))}


def test_a_machine_that_runs_these_tests_is_well(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.chdir(tmp_path)
    found = findings()
    assert {"python", "torch", "precision", "launcher", "snakemake", "slurm", "tracking", "results"} <= set(found)
    assert [finding for finding in found.values() if finding.state == "bad"] == []
    assert list(tmp_path.iterdir()) == []


def test_what_will_fail_is_bad_and_says_the_cure(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("WANDB_MODE", "WANDB_API_KEY", "PDEBRIDGE_MIRROR", "NETRC"):
        monkeypatch.delenv(name, raising=False)
    found = findings(tracking={"mode": "online"}, data={"mirror": "/no/such/mirror"})
    assert found["tracking"].state == "bad" and "wandb login" in found["tracking"].text
    assert found["data"].state == "bad" and "data.mirror" in found["data"].text
    monkeypatch.setattr("pathlib.Path.touch", lambda path: (_ for _ in ()).throw(PermissionError(13, "denied")))
    assert findings()["results"].state == "bad"


def test_the_verb_prints_a_line_a_finding_and_fails_on_a_bad_one(monkeypatch, capsys):
    monkeypatch.setenv("PDEBRIDGE_MIRROR", "/no/such/mirror")
    assert main(["doctor"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("bad   data") for line in lines)


@pytest.mark.parametrize("mode", POINTS)
def test_a_device_that_computes_as_the_cpu_agrees(mode):
    error, _ = disagreement(mode, "cpu")
    assert error < TOLERANCE


def test_a_device_that_computes_something_else_is_found(monkeypatch):
    honest, factors = device.gradients, iter((1 + 1e-6, 1))

    def one_wrong(mode, where):
        factor = next(factors)
        found, seconds = honest(mode, where)
        return [factor * g for g in found], seconds

    monkeypatch.setattr(device, "gradients", one_wrong)
    assert disagreement("stored", "cpu")[0] > TOLERANCE


def test_the_benchmark_names_its_device():
    found = measure("cpu")
    assert found["raw"]["device"] == "cpu" and len(found["ratios"]) == len(POINTS)
