"""One process-wide setting of the C allocator that the speed of a training depends on."""

import ctypes
import sys

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Parameters M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of glibc's mallopt(3)."""


def keep_freed_memory(size: int = 2**30) -> bool:
    """Let glibc keep up to `size` bytes that were freed; return whether the allocator understood.

    By default glibc returns what a gradient needed to the kernel, and every page is faulted in again for the next. That
    costs 8 % more time with the CIFAR-10 networks, 15 % with 256 small layers, up to two thirds with a mean field game.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(MMAP_THRESHOLD, 2**25)) and bool(mallopt(TRIM_THRESHOLD, size))
