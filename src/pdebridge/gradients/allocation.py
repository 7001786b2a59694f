"""Peak memory of a computation, counted tensor by tensor."""

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Allocation(TorchDispatchMode):
    """Count the bytes of the storages that operations make while the mode is on, until each is freed.

    Storages that existed before are not counted, nor is scratch memory inside a kernel. `live` is the present sum,
    `peak` the largest so far; forward and backward passes are seen alike, on every device.
    """

    def __init__(self) -> None:
        super().__init__()
        self.live, self.peak = 0, 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation and count what it made."""
        kwargs = kwargs or {}
        for storage in storages((args, kwargs)):
            self._count(storage, 0)
        result = func(*args, **kwargs)
        for storage in storages(result):
            self._count(storage, storage.nbytes())
        return result

    def _count(self, storage: torch.UntypedStorage, size: int) -> None:
        key = storage._cdata  # an address, free for another storage once this one is gone
        if key in self._known:
            return
        self._known.add(key)
        self.live += size
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._free, key, size)

    def _free(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.live -= size


def storages(tree: Any) -> list[torch.UntypedStorage]:
    """Return the storages of all tensors in nested containers."""
    return [leaf.untyped_storage() for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def peak_bytes(computation: Callable[[], object]) -> int:
    """Return the most bytes that were alive at once among the tensors made by ``computation``."""
    with Allocation() as allocation:
        computation()
    return allocation.peak
