"""The kernels of a forward and a backward pass, recorded once as CUDA graphs and replayed at every step."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from pdebridge.gradients.stored import stored
from pdebridge.networks.regularisation import flows


def capturable(net: nn.Module) -> bool:
    """Tell whether a pass launches the same kernels at every step and draws no random number.

    So it is where all flows take fixed steps and store their states, on one GPU. Other gradient modes compare what
    they recompute, or choose what to keep, on the host.
    """
    fixed = all(flow.gradient is stored and not flow.integrator.adaptive for flow in flows(net))
    draws = any(getattr(m, "p", 0) for m in net.modules() if isinstance(m, nn.modules.dropout._DropoutNd))
    alone = not (torch.distributed.is_available() and torch.distributed.is_initialized())
    return alone and fixed and not draws and all(p.is_cuda for p in net.parameters())


def capture(net: nn.Module, x: Tensor) -> Callable[[Tensor], Tensor]:
    """Return ``net`` as a function that replays its passes for inputs of the shape of ``x``, and calls it for others.

    A network of small layers waits for the host to launch its kernels one by one; a graph launches them all at once.
    The kernels are the same, so are the numbers. Evaluation, in which weights and buffers may be others, is not
    replayed.

    Args:
        net: on a GPU and in training, see `capturable`.
        x: a batch there; only its shape, dtype and strides count.
    """
    forward = net.forward
    with unchanged_buffers(net):
        torch.cuda.make_graphed_callables(net, (x.detach().clone(),))
    replayed, net.forward = net.forward, forward
    shape, dtype = x.shape, x.dtype

    def call(y: Tensor) -> Tensor:
        same = net.training and torch.is_grad_enabled() and y.shape == shape and y.dtype == dtype
        found: Tensor = replayed(y) if same else net(y)
        return found

    return call


@contextmanager
def unchanged_buffers(net: nn.Module) -> Iterator[None]:
    """Undo what trial passes do to the buffers of a network, such as running means."""
    before = [(buffer, buffer.clone()) for buffer in net.buffers()]
    yield
    with torch.no_grad():
        for buffer, value in before:
            buffer.copy_(value)
