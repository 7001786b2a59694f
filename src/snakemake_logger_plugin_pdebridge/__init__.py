"""Snakemake's progress as pdebridge shows it: ``snakemake --logger pdebridge``, the default profile's choice.

On a terminal: an overall bar and one live line a running job, with the last line of the job's own log, where a
training says its epoch and loss. In a file or a pipe: one plain line when a job ends. Both say how long the rest takes,
by the benchmarks of the last run, and which job is the slowest. Errors always come with the end of the job's log.
"""

import os
import re
import time
from dataclasses import dataclass, field
from logging import INFO, WARNING, LogRecord
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text
from snakemake.logging import DefaultFormatter
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from pdebridge.timing import Remaining

KEPT = ("Nothing to be done", "Unlocked", "Created report", "The first lines", "A killed run")
TAIL = 15  # lines of a failed job's log


@dataclass
class Job:
    """A running job: what it says it does, its log files, its rule, and when it began."""

    message: str
    logs: list[str]
    rule: str
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Return the seconds since it began."""
        return time.monotonic() - self.began

    @property
    def elapsed(self) -> str:
        """Return the time since it began, as ``1:05``."""
        seconds = int(self.seconds)
        return f"{seconds // 60}:{seconds % 60:02d}"


def last_line(paths: list[str]) -> str:
    """Return the last line of the first log that can be read, without reading the whole file."""
    for path in paths:
        try:
            with Path(path).open("rb") as log:
                log.seek(max(0, os.fstat(log.fileno()).st_size - 500))
                lines = log.read().decode(errors="replace").replace("\r", "\n").strip().splitlines()
        except OSError:
            continue
        return lines[-1].strip() if lines else ""
    return ""


def tail(path: str) -> str:
    """Return the last lines of a log."""
    try:
        return "\n".join(Path(path).read_text(errors="replace").splitlines()[-TAIL:])
    except OSError:
        return "(no log was written)"


def brief(text: str) -> str:
    """Return an error without the failed command, which carries whole configurations; its log tells more."""
    return re.sub(r"Command '.*' returned", "The command returned", text, flags=re.DOTALL)


class LogHandler(LogHandlerBase):
    """Turns Snakemake's events into live or plain lines on standard error."""

    def __post_init__(self) -> None:
        """Prepare the console; the live display begins with the first job."""
        self.console = Console(stderr=True, highlight=False)
        self.plain = DefaultFormatter()
        self.running: dict[int, Job] = {}
        self.done, self.total = 0, 0
        self.stats: dict[str, int] = {}
        self.cores = 1
        self.left: Remaining | None = None  # known with the first job, whose log says where the benchmarks are
        self.live: Live | None = None

    def emit(self, record: LogRecord) -> None:
        """Show one event."""
        event = getattr(record, "event", None)
        dry, asked = self.common_settings.dryrun, self.common_settings.printshellcmds
        if asked and (event == LogEvent.SHELLCMD or (dry and event == LogEvent.JOB_INFO)):
            self.say(self.plain.format(record))  # all that Snakemake has to say: inputs, reason, command
        elif dry and event in (LogEvent.JOB_INFO, LogEvent.RUN_INFO):
            said = getattr(record, "rule_msg", None) or getattr(record, "rule_name", "")
            self.say(f"  {said}" if event == LogEvent.JOB_INFO else str(record.msg))
        elif event in HANDLERS:
            HANDLERS[event](self, record)
        elif record.levelno >= WARNING or (record.levelno == INFO and str(record.msg).startswith(KEPT)):
            self.say(brief(self.plain.format(record)))

    def say(self, text: str) -> None:
        """Print above the live display."""
        if text.strip():
            self.console.print(Text(text), soft_wrap=True)

    def job_info(self, record: Any) -> None:
        """Give a starting job a line; Snakemake announces each job by this event as it is submitted."""
        message = record.rule_msg or record.rule_name
        logs = [str(path) for path in record.log or []]
        self.running[record.jobid] = Job(message, logs, record.rule_name)
        self.left = self.left or self.remaining(logs)
        if self.left:
            self.left.waiting[record.rule_name] -= 1
        if self.console.is_terminal and self.live is None:
            self.live = Live(get_renderable=self.render, console=self.console, refresh_per_second=4, transient=True)
            self.live.start()

    def job_finished(self, record: Any) -> None:
        """Say that a job has ended and how long it took."""
        job = self.running.pop(record.job_id, None)
        if job is not None and job.message != "all":
            left = self.told()
            self.say(f"[{self.done + 1}/{self.total}] {job.message} ({job.elapsed}){f'; {left}' if left else ''}")

    def job_error(self, record: Any) -> None:
        """Say which job failed, what the executor says of it (a cluster's state), and show the end of its logs."""
        job = self.running.pop(record.jobid, None)
        logs = [str(path) for path in record.log or []] or (job.logs if job else [])
        self.say(f"FAILED: {job.message if job else record.rule_name}")
        self.say(brief(record.rule_msg or ""))
        for path in logs:
            self.say(f"--- {path}\n{tail(path)}\n---")

    def progress(self, record: Any) -> None:
        """Move the overall bar."""
        self.done, self.total = record.done, record.total

    def run_info(self, record: Any) -> None:
        """Learn how many jobs there are."""
        self.stats = getattr(record, "stats", None) or self.stats
        self.total = self.stats.get("total", self.total)

    def resources_info(self, record: Any) -> None:
        """Learn how many jobs may run side by side."""
        self.cores = getattr(record, "cores", None) or self.cores

    def remaining(self, logs: list[str]) -> Remaining | None:
        """Return what is left of the plan, once a job's log says which scale it is of."""
        folders = [parent.parent for path in logs for parent in Path(path).parents if parent.name == "logs"]
        if not folders or not self.stats:
            return None
        left = Remaining.of(folders[0], self.stats)
        left.cores = self.cores
        for job in self.running.values():
            left.waiting[job.rule] -= job.logs != logs  # those that had no log to tell by
        return left

    def told(self) -> str:
        """Return how long the rest takes, in words; empty where no run was measured."""
        return self.left.told({job.rule: job.seconds for job in self.running.values()}) if self.left else ""

    def render(self) -> Group:
        """Return the overall bar and one line a running job."""
        bar = Table.grid(padding=(0, 1))
        bar.add_row(
            ProgressBar(total=max(self.total, 1), completed=self.done, width=30),
            f"{self.done} of {self.total} jobs",
            Text(self.told(), style="dim"),
        )
        jobs = Table.grid(padding=(0, 1))
        for job in list(self.running.values()):
            jobs.add_row(job.elapsed, Text(job.message, style="bold", no_wrap=True))
            last = Text(last_line(job.logs), style="dim", no_wrap=True, overflow="ellipsis")
            if last:
                jobs.add_row("", last)
        return Group(bar, jobs)

    def close(self) -> None:
        """Leave the terminal tidy."""
        if self.live is not None:
            self.live.stop()
            self.live = None
        super().close()

    @property
    def writes_to_stream(self) -> bool:
        """Tell Snakemake that this takes the place of its own output."""
        return True

    @property
    def writes_to_file(self) -> bool:
        """Tell Snakemake that no file is written."""
        return False

    @property
    def has_filter(self) -> bool:
        """Tell Snakemake to pass every record."""
        return True

    @property
    def has_formatter(self) -> bool:
        """Tell Snakemake to leave the formatting here."""
        return True

    @property
    def needs_rulegraph(self) -> bool:
        """Tell Snakemake that the rule graph is not needed."""
        return False


HANDLERS = {
    LogEvent.JOB_INFO: LogHandler.job_info,
    LogEvent.JOB_STARTED: lambda handler, record: None,
    LogEvent.JOB_FINISHED: LogHandler.job_finished,
    LogEvent.JOB_ERROR: LogHandler.job_error,
    LogEvent.PROGRESS: LogHandler.progress,
    LogEvent.RUN_INFO: LogHandler.run_info,
    LogEvent.RESOURCES_INFO: LogHandler.resources_info,
    LogEvent.SHELLCMD: lambda handler, record: None,  # shown where it is asked for
}
