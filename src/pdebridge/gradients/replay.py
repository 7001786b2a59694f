"""Right-hand sides whose value depends on more than their arguments, so that evaluating them again takes care."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

from pdebridge.dynamics.base import Dynamics, Instant, Theta
from pdebridge.dynamics.normalisation import BatchNorm, is_recomputing

Key = tuple[int, float, int]
Numbers = tuple[Tensor, Tensor | None]


def pure(dynamics: Dynamics) -> bool:
    """Tell whether ``F`` is known as a formula of its arguments alone: a closed form that nobody has altered since."""
    return dynamics.closed and not any(altered(module) for module in dynamics.modules())


def altered(module: nn.Module) -> bool:
    """Tell whether a module has hooks, or methods of its own in the place of its class's."""
    hooks = (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks)
    return any(hooks) or any(callable(getattr(type(module), name, None)) for name in vars(module))


class Evaluation(NamedTuple):
    """What an evaluation met: the states of the generators if it drew from them, the buffers if it changed them."""

    numbers: Numbers | None
    buffers: dict[str, Tensor] | None


class Repeated(Dynamics):
    """A right-hand side as a function of its arguments and of its own parameters, the same each time it is evaluated.

    The parameters follow the weights (`extended`), so that every mode has their gradient, too. Random numbers that an
    evaluation at ``(k, c, part)`` draws are drawn again by its recomputation, whether announced or not, and the
    caller's are not disturbed; buffers, such as running statistics, are changed by the first evaluation only, and a
    recomputation sees them as they were. Nothing is kept of evaluations that neither draw nor change.

    Args:
        dynamics: the right-hand side.
        mode: what evaluates it several times, for messages; `again` tells whether at the same arguments.
        again: otherwise drawing and changing is refused.
    """

    def __init__(self, dynamics: Dynamics, mode: str, again: bool = True) -> None:
        super().__init__()
        self.dynamics, self.structure, self.mode, self.again = dynamics, dynamics.structure, mode, again
        self.own = {name: p for name, p in dynamics.named_parameters() if p.requires_grad}
        self.state = self.buffers_of()
        self.before: dict[str, Tensor] | None = None
        self.first: dict[Key, list[Evaluation]] = defaultdict(list)
        self.repeats: dict[Key, int] = defaultdict(int)

    def initial(self) -> dict[str, Tensor]:
        """Draw the weights of the right-hand side, its own parameters not among them."""
        return self.dynamics.initial()

    def extended(self, theta: Theta, steps: int) -> Theta:
        """Return the weights ``(N, S, ...)`` with the parameters behind them, which all steps share."""
        samples = theta[0].shape[1] if theta else 1
        return (*theta, *(p.expand(steps, samples, *p.shape) for p in self.own.values()))

    def symbol(self, u: Tensor, theta: Theta) -> Tensor:
        """Return the eigenvalues of the linear part for weights that the parameters follow; nothing is drawn there."""
        n = len(theta) - len(self.own)
        given = {f"dynamics.{name}": p for name, p in zip(self.own, theta[n:], strict=True)}
        return functional_call(Symbol(self.dynamics), given, (u, theta[:n]))

    def forward(self, u: Tensor, theta: Theta, at: Instant, part: int = 0) -> Tensor:
        """Return ``F(t, u; theta)`` for weights that the parameters follow.

        Raises:
            RuntimeError: ``F`` changes ``u``, needs the gradient of a tensor that it was not given, or depends on
                something that cannot be met again.
        """
        key, version = (at.k, at.c, part), u._version
        f = (self.again_at if is_recomputing() else self.first_at)(key, u, theta, at, part)
        if u._version != version:
            raise RuntimeError(f"{self.name} changes its argument u in place, where other steps need it: copy it first")
        self.look((f,), (u, *theta))
        return f

    def look(self, values: Sequence[Tensor], known: Sequence[Tensor]) -> None:
        """Raise an error if values were made of more than the known tensors; no graph, no answer."""
        if strangers(values, known):
            raise RuntimeError(
                f"{self.name} uses a tensor that needs a gradient and is neither a weight, named by initial() and"
                " handed in as theta, nor an nn.Parameter of it: make it one of these, or use the stored gradient in"
                f" place of {self.mode}"
            )

    def buffers_of(self) -> dict[str, Tensor]:
        """Return the buffers but for those of `BatchNorm`, which sees to itself."""
        kept = {id(b) for m in self.dynamics.modules() if isinstance(m, BatchNorm) for b in m.buffers(recurse=False)}
        return {name: b for name, b in self.dynamics.named_buffers() if id(b) not in kept}

    @property
    def name(self) -> str:
        """Return the name of the right-hand side, for messages."""
        return type(self.dynamics).__name__

    def first_at(self, key: Key, u: Tensor, theta: Theta, at: Instant, part: int) -> Tensor:
        """Evaluate and note what was drawn and changed."""
        if self.before is None:
            self.before = cloned(self.state)
        versions = [(id(b), b._version) for b in self.state.values()]
        numbers = generators(u.device)
        f = self.evaluate(u, theta, at, part, {})
        drew = not same(numbers, generators(u.device))
        if self.state:
            self.state = self.buffers_of()
        changed = versions != [(id(b), b._version) for b in self.state.values()]
        if (drew or changed) and not self.again:
            self.refuse("draws random numbers" if drew else "changes its buffers")
        if self.again:
            self.first[key].append(Evaluation(numbers if drew else None, self.before if changed else None))
        if changed:
            self.before = cloned(self.state)
        return f

    def again_at(self, key: Key, u: Tensor, theta: Theta, at: Instant, part: int) -> Tensor:
        """Evaluate with what the first evaluation met; several of the same instant come in the same order again."""
        seen = self.first[key] if self.again else []
        met = seen[self.repeats[key] % len(seen)] if seen else Evaluation(None, None)
        self.repeats[key] += 1
        numbers = None if met.numbers or seen else generators(u.device)
        with restored(*met.numbers, u.device) if met.numbers else nullcontext():
            f = self.evaluate(u, theta, at, part, cloned(self.state if met.buffers is None else met.buffers))
        if numbers and not same(numbers, generators(u.device)):
            self.refuse("draws random numbers")
        return f

    def evaluate(self, u: Tensor, theta: Theta, at: Instant, part: int, buffers: dict[str, Tensor]) -> Tensor:
        """Return ``F`` with the given parameters and buffers in the place of its own."""
        n = len(theta) - len(self.own)
        given = dict(zip(self.own, theta[n:], strict=True)) | buffers
        if not given:
            return self.dynamics(u, theta, at, part)
        return functional_call(self.dynamics, given, (u, theta[:n], at, part))

    def refuse(self, what: str) -> None:
        """Raise the error of a right-hand side that is another one each time."""
        raise RuntimeError(
            f"{self.name} {what}, and {self.mode} evaluates it at other arguments than the pass forth does: use the "
            "stored or the checkpointed gradient with fixed steps"
        )


class Symbol(nn.Module):
    """`Dynamics.symbol` as the value of a module, whose parameters can be replaced.

    Args:
        dynamics: the right-hand side.
    """

    def __init__(self, dynamics: Dynamics) -> None:
        super().__init__()
        self.dynamics = dynamics

    def forward(self, u: Tensor, theta: Theta) -> Tensor:
        """Return the eigenvalues."""
        return self.dynamics.symbol(u, theta)


def strangers(values: Sequence[Tensor], known: Sequence[Tensor]) -> list[Tensor]:
    """Return the leaves of the graph of some values that are reached past the known tensors."""
    stop = {w.grad_fn for w in known if w.grad_fn is not None}
    leaves = {id(w) for w in known}
    todo, seen, found = [f.grad_fn for f in values], set(stop), []
    while todo:
        node = todo.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        leaf = getattr(node, "variable", None)
        if leaf is not None and id(leaf) not in leaves:
            found.append(leaf)
        todo.extend(inner for inner, _ in node.next_functions)
    return found


def cloned(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return copies."""
    return {name: b.clone() for name, b in tensors.items()}


def generators(device: torch.device) -> Numbers:
    """Return the states of torch's generators that an evaluation on a device may draw from."""
    return torch.get_rng_state(), torch.cuda.get_rng_state(device) if device.type == "cuda" else None


def same(before: Numbers, after: Numbers) -> bool:
    """Tell whether nothing was drawn in between."""
    pairs = zip(before, after, strict=True)
    return all(a is None or b is None or torch.equal(a, b) for a, b in pairs)


@contextmanager
def restored(cpu: Tensor, cuda: Tensor | None, device: torch.device) -> Iterator[None]:
    """Run with the given states of the generators, then put back the present ones."""
    with torch.random.fork_rng(devices=[device] if cuda is not None else []):
        torch.set_rng_state(cpu)
        if cuda is not None:
            torch.cuda.set_rng_state(cuda, device)
        yield
