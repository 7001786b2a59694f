import ctypes
import resource
import sys

import pytest
import torch

from pdebridge.allocator import keep_freed_memory


def glibc():
    return sys.platform.startswith("linux") and hasattr(ctypes.CDLL(None), "gnu_get_libc_version")


@pytest.mark.skipif(not glibc(), reason="the setting is glibc's")
def test_memory_that_was_freed_is_not_faulted_in_again():
    assert keep_freed_memory()

    def faults():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        blocks = [torch.zeros(2**18) for _ in range(20)]
        del blocks
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    faults()
    assert faults() < 500  # of 5120 pages
