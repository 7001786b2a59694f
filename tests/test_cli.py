"""Every verb explains itself with an example, and the two that describe say what they promise."""

import json
import re
import subprocess
import sys

import pytest

from pdebridge.cli import main, training
from pdebridge.cli.parser import VERBS


@pytest.mark.parametrize("verb", VERBS)
def test_help_teaches_by_example(verb, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([verb, "--help"])
    assert stopped.value.code == 0
    assert re.search(rf"examples?:\s+pdebridge {verb}", capsys.readouterr().out)


def test_list_names_experiments_with_their_sources(capsys):
    assert main(["list", "--json"]) == 0
    rows = {row["experiment"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["figure1"]["source"] == "ruthotto2021bridges, Figure 1"
    assert rows["figure1"]["cells"] == ["T5", "T20"]


def test_describe_counts_the_article_s_weights(capsys):
    assert main(["describe", "figure1/T5", "--json"]) == 0
    described = json.loads(capsys.readouterr().out)
    # K_in 3x2, ten K_k 3x3 and b_k, classifier 2x2 and 2
    assert described["parameters"] == 6 + 10 * (9 + 3) + 4 + 2
    expected = {"layers": 10, "dynamics": "dense", "integrator": "forward-euler", "gradient": "stored"}
    assert {key: described[key] for key in expected} == expected
    assert described["source"] == {"reference": "ruthotto2021bridges", "locator": "Figure 1"}


def test_a_mistake_is_one_line_and_status_2(capsys):
    assert main(["describe", "figure2"]) == 2
    assert capsys.readouterr().err.startswith("pdebridge describe: no experiment 'figure2'")


def test_a_key_of_the_experiment_is_set_as_one_of_the_settings_is(capsys):
    changes = ["--set", "network.steps=3", "--set", "scale=test"]
    assert main(["describe", "figure1/T5", "--json", *changes]) == 0
    assert json.loads(capsys.readouterr().out)["layers"] == 3


def test_a_key_that_neither_has_is_refused(capsys):
    assert main(["describe", "figure1/T5", "--set", "netwrok.steps=3"]) == 2
    said = capsys.readouterr().err
    assert "netwrok" in said and len(said.splitlines()) == 1


def test_a_reader_who_has_seen_enough_ends_a_listing_quietly():
    command = [sys.executable, "-u", "-m", "pdebridge", "list", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_keys_of_an_experiment_are_given_as_an_agent_of_a_sweep_gives_them(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "train_cell", lambda cell, tracking, out, seed: trained.append((cell, out)))
    trained = []
    assert main(["train", "figure1/T5", "--network.steps=20", "--training.decay=1e-3", "--seeds=1"]) == 0
    assert main(["train", "figure1/T5", "--network.steps=4", "--seed", "0"]) == 0
    assert main(["train", "figure1/T5"]) == 0
    cell = trained[0][0]
    assert (cell.network.steps, cell.training.decay, cell.seeds) == (20, 1e-3, 1)
    assert [str(out) for _, out in trained] == [
        "results/mine/figure1/T5/network.steps=20,seeds=1,training.decay=1e-3.json",
        "results/mine/figure1/T5/network.steps=4/seed-0.json",
        "results/mine/figure1/T5.json",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["figure1/T5", "--network.step=20"], "network.dense.step: unknown key; did you mean 'steps'?"),
        (["figure1/T5", "--network.steps", "20"], "--network.steps: expected --KEY=VALUE"),
        (["--network.steps=20"], "network: unknown key"),
    ],
)
def test_a_wrong_key_of_a_sweep_is_named(arguments, message, capsys):
    assert main(["train", *arguments]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert message.replace("network.dense.", "network.") in line


def test_other_verbs_refuse_what_they_do_not_know(capsys):
    with pytest.raises(SystemExit):
        main(["list", "--network.steps=20"])
    assert "unrecognized arguments: --network.steps=20" in capsys.readouterr().err
