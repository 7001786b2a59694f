"""A mistake in the configuration is one line with file, key, value and what would be valid."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pdebridge.configuration.classification import ClassificationExperiment
from pdebridge.configuration.load import (
    cells,
    merge,
    parse_experiment,
    read_experiment,
    read_yaml,
    selected,
    settings_from,
)
from pdebridge.errors import UserError

FOLDER = Path(__file__).parents[2] / "config" / "experiments"
FIGURE1 = read_yaml(FOLDER / "figure1.yaml")
plain = st.recursive(
    st.integers(0, 9) | st.booleans() | st.none(),
    lambda child: st.dictionaries(st.sampled_from("abc"), child, max_size=3),
    max_leaves=8,
)
mappings = st.dictionaries(st.sampled_from("abc"), plain, max_size=3)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"network": {"stps": 3}}, "network.stps: unknown key; did you mean 'steps'? valid: control, dynamics"),
        ({"network": {"dynamics": "dens"}}, "network.dynamics: unknown dynamics 'dens'; did you mean 'dense'? valid:"),
        ({"network": {"integrator": "euler-forward"}}, "unknown integrator 'euler-forward'"),
        ({"network": {"width": "three"}}, "network.width: Input should be a valid integer"),
        ({"network": {"width": "three"}}, "(found 'three')"),
        ({"network": {"readout": 7}}, "readout must be at most the width 3 (found 7)"),
        ({"training": {"epochs": 0}}, "training.epochs: Input should be greater than or equal to 1 (found 0)"),
        ({"training": {"optimizer": {"iteration": 1}}}, "training.optimizer.iteration: unknown key; did you mean"),
        ({"training": {"optimizer": {"iteration": 1}}}, "valid: history, iterations, name"),
        ({"training": {"optimizer": {"name": "adam"}}}, "'sgd', 'adamw', 'lbfgs'"),
        ({"data": "elipses"}, "data: unknown data set 'elipses'; did you mean 'ellipses'?"),
        ({"studies": ["propagatoin"]}, "did you mean 'propagation'?"),
    ],
)
def test_one_line_names_key_value_and_what_is_valid(change, expected):
    with pytest.raises(UserError) as caught:
        parse_experiment(merge(FIGURE1, change), "figure1.yaml")
    message = str(caught.value)
    assert message.startswith("figure1.yaml: ")
    assert expected in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"scale": "laptob"}, "scale: Input should be 'test', 'laptop', 'workstation' or 'cluster' (found 'laptob')"),
        (
            {"tracking": {"mod": 1}},
            "tracking.mod: unknown key; did you mean 'mode'? valid: artifacts, entity, mode, project",
        ),
        ({"limits": {"epochs": 2}}, "limits need 'scale: test'"),
    ],
)
def test_settings_are_refused(content, expected):
    with pytest.raises(UserError, match="config/config.yaml: ") as caught:
        settings_from(content)
    assert expected in str(caught.value)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(UserError, match=r"none\.yaml: No such file or directory"):
        read_yaml(tmp_path / "none.yaml")
    with pytest.raises(UserError, match="no experiment 'figur1' in .*; did you mean 'figure1'"):
        read_experiment("figur1", FOLDER)


def test_broken_yaml_names_the_line(tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_text("a: 1\nb: [1,\n")
    with pytest.raises(UserError, match=r"broken\.yaml:3: not YAML"):
        read_yaml(path)


def test_over_the_experiment_lie_the_cell_then_the_scale_then_the_override():
    content = FIGURE1 | {
        "at": {"workstation": {"training": {"epochs": 7}, "seeds": 2}},
        "cells": {"a": {}, "b": {"training": {"epochs": 8}}},
    }
    experiment = parse_experiment(content, "x")

    def resolved(**settings):
        return {c.cell: (c.training.epochs, c.seeds) for c in cells(experiment, settings_from(settings))}

    assert resolved(scale="laptop") == {"a": (60, 5), "b": (8, 5)}
    assert resolved(scale="workstation", overrides={"figure1": {"seeds": 4}}) == {"a": (7, 4), "b": (7, 4)}


def test_a_cell_may_need_a_larger_scale_than_its_experiment():
    content = FIGURE1 | {"scale": "workstation", "cells": {"a": {}, "b": {"scale": "cluster"}}}
    experiment = parse_experiment(content, "x")

    def names(scale):
        return [cell.cell for cell in cells(experiment, settings_from({"scale": scale}))]

    assert names("workstation") == ["a"]
    assert names("cluster") == names("laptop") == ["a", "b"]  # below the experiment's own scale it was asked for
    for scale in ("laptop", "moon"):
        with pytest.raises(UserError, match="cell 'b': scale: must be one of .*, from workstation on"):
            cells(parse_experiment(content | {"cells": {"b": {"scale": scale}}}, "x"), settings_from({}))


def test_a_scale_and_an_override_replace_the_studies_with_their_options(tmp_path):
    content = GAME | {"studies": ["games"], "at": {"workstation": {"seeds": 2, "studies": [study("games", samples=7)]}}}
    (tmp_path / "transport.yaml").write_text(yaml.safe_dump(content))
    chosen = {"experiments": ["transport"]}
    for settings, expected in (
        ({}, {}),
        ({"scale": "workstation"}, {"samples": 7}),
        ({"overrides": {"transport": {"studies": [study("games", samples=3)]}}}, {"samples": 3}),
    ):
        (experiment,) = selected(settings_from(chosen | settings), tmp_path)
        assert [s.options for s in experiment.studies] == [expected]
        assert len(cells(experiment, settings_from(chosen | settings), tmp_path)) == 4
    wrong = settings_from(chosen | {"overrides": {"transport": {"studies": ["gams"]}}})
    with pytest.raises(UserError, match="studies.0: unknown study 'gams'; did you mean 'games'?"):
        selected(wrong, tmp_path)


def study(name, **options):
    return {"name": name, "options": options}


def test_limits_cap_budgets_and_carry_their_label():
    settings = settings_from({"scale": "test", "limits": {"seeds": 2, "epochs": 3}})
    for cell in (cell for e in selected(settings, FOLDER) for cell in cells(e, settings)):
        assert cell.seeds <= 2
        assert cell.scale == "test"


def test_a_named_choice_is_replaced_whole():
    base = {"optimizer": {"name": "sgd", "lr": 1.0}}
    assert merge(base, {"optimizer": {"name": "lbfgs"}}) == {"optimizer": {"name": "lbfgs"}}
    assert merge(base, {"optimizer": {"lr": 2.0}}) == {"optimizer": {"name": "sgd", "lr": 2.0}}


@given(mappings)
def test_merging_nothing_changes_nothing(base):
    assert merge(base) == merge(base, {}) == merge({}, base) == merge(base, base) == base


@given(mappings, mappings)
def test_a_change_wins_and_what_it_does_not_name_stays(base, change):
    merged = merge(base, change)
    assert set(merged) == set(base) | set(change)
    for key in merged:
        if key not in change:
            assert merged[key] == base[key]
        elif not isinstance(change[key], dict):
            assert merged[key] == change[key]


@given(st.text(min_size=1, max_size=12).filter(lambda key: key not in ClassificationExperiment.model_fields))
def test_no_unknown_key_is_ever_ignored(key):
    with pytest.raises(UserError):
        parse_experiment(FIGURE1 | {key: 1}, "x")


def test_what_is_trained_needs_data_network_and_training():
    bare = {key: FIGURE1[key] for key in ("name", "title", "source")}
    with pytest.raises(UserError, match="data: Field required"):
        parse_experiment(bare, "figure1.yaml")
    assert cells(parse_experiment({**bare, "task": "study"}, "figure1.yaml"), settings_from({}), FOLDER) == []


def test_every_experiment_of_the_project_is_valid():
    settings = settings_from({"scale": "cluster"})
    for path in FOLDER.glob("*.yaml"):
        experiment = read_experiment(path.stem, FOLDER)
        assert cells(experiment, settings, FOLDER) or experiment.studies
        assert yaml.safe_load(path.read_text())["name"] == path.stem


GAME = read_yaml(FOLDER / "transport.yaml")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"task": "gmae"}, "task: must be one of classification, game, segmentation, series, study (found 'gmae')"),
        ({"game": {"name": "transport", "d": 2}}, "game: unknown game 'transport'"),
        ({"game": {"d": 0}}, "game.d: Input should be greater than or equal to 1 (found 0)"),
        ({"game": {"alpha": {"hjb": 1.0}}}, "game.alpha.hjb"),
        ({"game": {"alpha": {"hjb_path": -1.0}}}, "Input should be greater than or equal to 0 (found -1.0)"),
        ({"potential": {"widht": 8}}, "potential.widht: unknown key; did you mean 'width'?"),
        ({"training": {"optimizer": {"name": "sgd"}}}, "'adam', 'lbfgs', 'bfgs'"),
        ({"training": {"resample": 20}}, "resample must divide the 50 iterations of an epoch (found 20)"),
        ({"training": {"levels": []}}, "training.levels: List should have at least 1 item"),
        ({"training": {"levels": [{"samples": 8, "iterations": 30}]}}, "must be a multiple of epoch = 50 (found 30)"),
        ({"network": {"layout": "dense"}}, "network: unknown key"),
    ],
)
def test_a_mistake_in_a_game_is_one_line_too(change, expected):
    with pytest.raises(UserError) as caught:
        parse_experiment(merge(GAME, change), "transport.yaml")
    message = str(caught.value)
    assert message.startswith("transport.yaml: ")
    assert expected in message
    assert "\n" not in message


def test_limits_cut_the_levels_of_a_game():
    levels = [{"samples": 8, "iterations": 100}, {"samples": 16, "iterations": 200}]
    content = {"scale": "test", "overrides": {"transport": {"training": {"levels": levels}}}}
    for epochs, expected in ((1, [50]), (2, [100]), (3, [100, 50]), (6, [100, 200]), (9, [100, 200])):
        settings = settings_from(content | {"limits": {"epochs": epochs}})
        cell = cells(read_experiment("transport", FOLDER), settings)[0]
        assert [level.iterations for level in cell.training.levels] == expected
        assert cell.epochs == min(epochs, 6)


def test_numbers_with_an_exponent_need_no_point(tmp_path) -> None:
    file = tmp_path / "some.yaml"
    file.write_text("a: [1e-3, 2E4, -1.5e6, 1.0e-3]\nb: [e3, 1e-3x, 3]")
    assert read_yaml(file) == {"a": [1e-3, 2e4, -1.5e6, 1e-3], "b": ["e3", "1e-3x", 3]}
