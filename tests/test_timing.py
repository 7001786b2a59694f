"""How long the rest takes: by the last run's benchmarks, shared among cores, with the slowest job named."""

import logging
from types import SimpleNamespace

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from pdebridge.cli import main
from pdebridge.cli.settings import cell_of
from pdebridge.configuration.settings import Settings
from pdebridge.files import write_json
from pdebridge.records import CONTENT, seal
from pdebridge.timing import Remaining, benchmarks, in_words

TIMES = {
    "train/digits/1": 120.0,
    "train/digits/2": 60.0,
    "train/mnist/residual/seed-0": 600.0,
    "study/digits/stability": 20.0,
    "study/digits/robustness": 40.0,
    "pages/digits": 3.0,
    "table": 5.0,
}


@pytest.fixture
def folder(tmp_path):
    for job, seconds in TIMES.items():
        path = tmp_path / "results" / "laptop" / "benchmarks" / f"{job}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:02:00\t300\n")
    (tmp_path / "results" / "laptop" / "benchmarks" / "broken.tsv").write_text("")
    return tmp_path / "results" / "laptop"


def test_a_benchmark_belongs_to_the_rule_that_made_it(folder):
    found = [(rule, seconds) for rule, _, seconds in benchmarks(folder)]
    assert sorted(found) == [
        ("pages_digits", 3.0),
        ("study", 20.0),
        ("study", 40.0),
        ("table", 5.0),
        ("train_digits_1", 120.0),
        ("train_digits_2", 60.0),
        ("train_mnist_residual_seed_0", 600.0),
    ]


def test_work_is_shared_among_cores_and_no_run_is_shorter_than_its_longest_job(folder):
    left = Remaining.of(folder, {"train_digits_1": 1, "train_digits_2": 1, "study": 2, "all": 1, "total": 5})
    assert left.seconds({}) == 120 + 60 + 2 * 30
    left.cores = 2
    assert left.seconds({}) == 120
    left.cores = 100
    assert left.seconds({}) == 120
    left.waiting["train_digits_1"] -= 1
    assert left.seconds({"train_digits_1": 50.0}) == 70
    assert left.seconds({"train_digits_1": 500.0}) == 60
    assert left.slowest({"train_digits_1": 50.0}) == "train_digits_1"


def test_what_was_never_measured_is_counted(folder):
    left = Remaining.of(folder, {"train_digits_2": 1, "train_new_1": 2, "collect_x": 1, "default": 1, "total": 5})
    assert left.told({}) == "1 min left and 2 jobs never measured; slowest: train_digits_2, 1 min"
    assert Remaining.of(folder / "no", {"train_digits_2": 1}).told({}) == ""
    assert [in_words(seconds) for seconds in (5, 59.4, 90, 5399, 7200)] == ["5 s", "59 s", "2 min", "90 min", "2.0 h"]


class Handler:
    """Our logger without Snakemake around it."""

    def __new__(cls, capsys):
        from snakemake_logger_plugin_pdebridge import LogHandler

        handler = LogHandler.__new__(LogHandler)
        logging.Handler.__init__(handler)
        handler.common_settings = SimpleNamespace(dryrun=False, printshellcmds=False)
        handler.__post_init__()
        return handler


def event(kind, **facts):
    record = logging.LogRecord("snakemake", logging.INFO, "", 0, "", (), None)
    record.__dict__.update(event=kind, **facts)
    return record


def test_the_logger_says_it_with_every_finished_job(folder, capsys):
    handler = Handler(capsys)
    stats = {"train_digits_1": 1, "train_digits_2": 1, "table": 1, "total": 3}
    handler.emit(event(LogEvent.RESOURCES_INFO, cores=2))
    handler.emit(event(LogEvent.RUN_INFO, stats=stats))
    for number, rule in enumerate(("train_digits_1", "train_digits_2")):
        log = str(folder / "logs" / "train" / "digits" / f"{number + 1}.log")
        handler.emit(event(LogEvent.JOB_INFO, jobid=number, rule_name=rule, rule_msg=rule, log=[log]))
    handler.emit(event(LogEvent.JOB_FINISHED, job_id=1))
    said = capsys.readouterr().err
    assert "[1/3] train_digits_2 (0:00); 2 min left; slowest: train_digits_1, 2 min" in said
    handler.emit(event(LogEvent.JOB_FINISHED, job_id=0))
    assert "5 s left; slowest: table, 5 s" in capsys.readouterr().err


def test_the_first_run_of_all_says_nothing_of_time(tmp_path, capsys):
    handler = Handler(capsys)
    handler.emit(event(LogEvent.RUN_INFO, stats={"table": 1, "total": 1}))
    handler.emit(
        event(LogEvent.JOB_INFO, jobid=0, rule_name="table", rule_msg="t", log=[str(tmp_path / "r" / "logs" / "t.log")])
    )
    handler.emit(event(LogEvent.JOB_FINISHED, job_id=0))
    assert capsys.readouterr().err.strip() == "[1/1] t (0:00)"


def run(folder, seconds=None, epoch=0):
    write_json(folder / "run.json", {"fingerprint": "f", "cell": cell_of("figure1/T5", Settings()).model_dump()})
    if seconds is not None:
        for name in CONTENT:
            (folder / name).write_text("{}")
        write_json(folder / "summary.json", {"seconds": seconds})
        seal(folder)
    else:
        (folder / "checkpoints").mkdir()
        (folder / "checkpoints" / f"epoch-{epoch:06d}.ckpt").touch()


def test_status_tells_what_interrupted_trainings_still_take(folder, capsys):
    runs = folder / "runs" / "figure1"
    run(runs / "T5" / "seed-0", seconds=120.0)
    run(runs / "T5" / "seed-1.partial", epoch=15)  # of 60
    assert main(["status", str(folder)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "2 min of one core left; slowest: figure1/T5, seed 1, 2 min"
    # a cell without a finished seed has its share of the experiment's jobs
    run(folder / "runs" / "digits" / "hamiltonian" / "seed-0.partial", epoch=0)
    assert main(["status", str(folder)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "4 min of one core left; slowest: figure1/T5, seed 0, 3 min"
