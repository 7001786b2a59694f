"""A Slurm of two nodes with four pretended GPUs each on this machine, for tests: Debian's slurm-wlm and munge, as root.

Snakemake's plugin deletes ``SLURM_*`` from the environment, so that the configuration must stand where Slurm looks by
itself, /etc/slurm. It is written only where there is none, and removed afterwards.
"""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

CONFIGURATION = Path("/etc/slurm/slurm.conf")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol")

SLURM_CONF = """\
ClusterName=toy
SlurmctldHost={host}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=0
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,defer
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
MinJobAge=300
KillWait=2
JobRequeue=1
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/linux
GresTypes=gpu
SlurmdParameters=config_overrides
NodeName=toy1 NodeHostname={host} Port=17011 CPUs=8 RealMemory=100000 Gres=gpu:4 State=UNKNOWN
NodeName=toy2 NodeHostname={host} Port=17012 CPUs=8 RealMemory=100000 Gres=gpu:4 State=UNKNOWN
PartitionName=gpu Nodes=toy1,toy2 MaxTime=600 DefMemPerCPU=100 State=UP
PartitionName=cpu Nodes=toy1,toy2 Default=YES MaxTime=600 DefMemPerCPU=100 State=UP
"""
# each pretended GPU is a device file that every machine has
GRES_CONF = """\
NodeName=toy1 Name=gpu File=/dev/tty[0-3]
NodeName=toy2 Name=gpu File=/dev/tty[4-7]
"""


def why_not() -> str:
    """Return why no toy Slurm can be started here; empty if it can."""
    missing = [name for name in PROGRAMS if not _program(name)]
    if missing:
        return f"no {', '.join(missing)} here; on Debian: apt-get install slurm-wlm munge"
    if os.geteuid():
        return "the daemons of a toy Slurm want root"
    if CONFIGURATION.exists():
        return f"{CONFIGURATION} exists: this machine has a Slurm of its own"
    return ""


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


class ToySlurm:
    """The daemons: munged, slurmctld, two slurmd."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.daemons: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Write the configuration, start the daemons, wait until both nodes are idle."""
        host = socket.gethostname()
        (self.folder / "state").mkdir(parents=True)
        for name in ("toy1", "toy2"):
            (self.folder / f"spool-{name}").mkdir()
        CONFIGURATION.parent.mkdir(exist_ok=True)
        CONFIGURATION.write_text(SLURM_CONF.format(host=host, folder=self.folder), encoding="utf-8")
        CONFIGURATION.with_name("gres.conf").write_text(GRES_CONF, encoding="utf-8")
        subprocess.run(["install", "-d", "-o", "munge", "-g", "munge", "/run/munge"], check=True)
        if not Path("/run/munge/munge.socket.2").exists():
            self._daemon("runuser", "-u", "munge", "--", _program("munged"), "--foreground")
        self._daemon(_program("slurmctld"), "-D")
        self.start_node("toy1")
        self.start_node("toy2")
        self.wait_for(lambda: self.states() == {"toy1": "idle", "toy2": "idle"}, "both nodes idle", 60)

    def start_node(self, name: str) -> None:
        """Start the daemon of one node."""
        self._daemon(_program("slurmd"), "-D", "-N", name)

    def _daemon(self, *command: str | None) -> None:
        log = (self.folder / "daemons.log").open("ab")
        self.daemons.append(subprocess.Popen([str(c) for c in command], stdout=log, stderr=log))

    def states(self) -> dict[str, str]:
        """Return the state of each node."""
        said = self.ask("sinfo", "-h", "-N", "-o", "%N %t", "-p", "gpu")
        return dict(line.split() for line in said.splitlines() if line)

    def ask(self, *command: str) -> str:
        """Return what a Slurm command prints."""
        return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout

    def wait_for(self, condition, what: str, seconds: float) -> None:
        """Wait for a condition; raise with what was waited for."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                log = (self.folder / "slurmctld.log").read_text(errors="replace")[-2000:]
                raise TimeoutError(f"{what}: not within {seconds} s; {self.states()}\n{log}")
            time.sleep(0.3)

    def stop(self) -> None:
        """End all jobs and daemons, and remove the configuration."""
        self.ask("scancel", "--user=root")
        for daemon in reversed(self.daemons):
            daemon.terminate()
        for daemon in self.daemons:
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
        CONFIGURATION.unlink(missing_ok=True)
        CONFIGURATION.with_name("gres.conf").unlink(missing_ok=True)
