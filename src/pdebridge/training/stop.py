"""SIGTERM, SIGINT and SIGUSR1 end a training with a checkpoint, one line and the status that shells expect."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from pdebridge.errors import Stopped

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
PATIENCE = 8.0  # seconds until a process that was told to end does so without a checkpoint
PATIENT = (signal.SIGUSR1,)  # a warning before a time limit: the end itself is announced by SIGTERM


class Stop:
    """Whether somebody asked this process to end.

    While a training runs its steps (`deferred`) a signal is only noted: the training saves its state at the next step
    that can be resumed exactly, and raises `Stopped`. At any other time the signal raises it at once.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self.deferred = False
        self.over = threading.Event()

    def listen(self) -> None:
        """Take the signals; whoever took them before is replaced."""
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                signal.signal(number, self.note)

    def note(self, number: int, frame: FrameType | None) -> None:
        """Take a signal; those after the first are impatience."""
        if self.signal is None:
            self.signal = number
            if not self.deferred:
                raise Stopped(number)

    def obey(self) -> None:
        """Raise `Stopped` if a signal came."""
        if self.signal is not None:
            self.deferred = False
            raise Stopped(self.signal)

    def watch(self, alarms: socket.socket) -> None:
        """End the process some seconds after a signal that it did not obey, wherever its main thread hangs."""
        while number := alarms.recv(1)[:1]:
            if number[0] in SIGNALS and number[0] not in PATIENT and not self.over.wait(PATIENCE):
                name = signal.Signals(number[0]).name
                print(
                    f"pdebridge: ended by {name} in the middle of a step of more than {PATIENCE:g} s; "
                    "the same command goes on from the last checkpoint",
                    file=sys.stderr,
                    flush=True,
                )
                os._exit(128 + number[0])


class Relay(Stop):
    """Of one of several processes that train together: the first one is told, and ends all."""

    def note(self, number: int, frame: FrameType | None) -> None:
        """Pass a signal on."""
        os.kill(os.getppid(), number)


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Listen to the signals while the block runs, in the main thread; elsewhere nobody can."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    alarms, bell = socket.socketpair()
    bell.setblocking(False)
    # the bell rings also while the main thread is inside a long product of matrices
    outer = signal.set_wakeup_fd(bell.fileno(), warn_on_full_buffer=False)
    stop.listen()
    threading.Thread(target=stop.watch, args=(alarms,), daemon=True).start()
    try:
        yield stop
    finally:
        stop.over.set()
        signal.set_wakeup_fd(outer)
        bell.close()
        for number, handler in before.items():
            signal.signal(number, handler)
