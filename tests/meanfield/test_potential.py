import pytest
import torch

from pdebridge.meanfield.potential import Potential
from pdebridge.meanfield.row_norms import Gram, Jacobian


def perturbed(d, width=16, rank=None):
    """A potential with weights of order one: the published start is nearly linear."""
    potential = Potential(d, width, rank, spread=0.5)
    with torch.no_grad():
        for weight in potential.parameters():
            weight.add_(0.3 * torch.randn_like(weight) / (1 if weight.ndim < 2 else weight.shape[1] ** 0.5))
    return potential


@pytest.mark.parametrize(("d", "count"), [(2, 365), (10, 613), (50, 3773), (100, 12223)])
def test_effective_weights_of_the_published_network(d, count):
    assert sum(weight.numel() for weight in Potential(d).parameters()) == count


@pytest.mark.parametrize("method", [Gram(), Jacobian()])
@pytest.mark.parametrize("rank", [None, 2])
@pytest.mark.parametrize("width", [16, 5])
@pytest.mark.parametrize("d", [1, 2, 6, 100])
def test_closed_forms_equal_autograd(d, width, rank, method):
    potential, x, t = perturbed(d, width, rank), torch.randn(5, d), torch.rand(5)

    def value(x, t):
        return potential(x.unsqueeze(0), t)[0]

    grad, dt = torch.func.vmap(torch.func.grad(value, (0, 1)))(x, t)
    laplacian = torch.func.vmap(torch.func.hessian(value))(x, t).diagonal(dim1=1, dim2=2).sum(1)
    ours = potential.prepare_with(method)(x, t)
    for closed, reference in zip((*ours, potential.grad(x, t)), (grad, dt, laplacian, grad), strict=True):
        torch.testing.assert_close(closed, reference, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("method", [Gram(), Jacobian()])
@pytest.mark.parametrize("rank", [None, 2])
@pytest.mark.parametrize("width", [1, 4, 5])
def test_the_hand_written_adjoint(width, rank, method):
    potential, x, t = perturbed(3, width, rank), torch.randn(4, 3), torch.rand(4)
    names = [name for name, _ in potential.named_parameters()]

    class AtWeights(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.potential = potential

        def forward(self, x, t):
            return tuple(self.potential.prepare_with(method)(x, t))

    def outputs(x, t, *weights):
        return torch.func.functional_call(
            AtWeights(), {f"potential.{n}": v for n, v in zip(names, weights, strict=True)}, (x, t)
        )

    inputs = [v.detach().clone().requires_grad_() for v in (x, t, *potential.parameters())]
    assert torch.autograd.gradcheck(outputs, inputs)
    torch.testing.assert_close(potential(x, 0.3), potential(x, torch.full((4,), 0.3)))
    for one, many in zip(potential.derivatives(x, 0.3), potential.derivatives(x, torch.full((4,), 0.3)), strict=True):
        torch.testing.assert_close(one, many)


def test_without_the_network_the_potential_is_quadratic():
    potential = perturbed(4)
    with torch.no_grad():
        potential.w.zero_()
    x, q = torch.randn(3, 4), potential.quadratic
    A = 0.5 * (q.A + q.A.T)
    ours = potential.derivatives(x, 0.7)
    torch.testing.assert_close(ours.grad, x @ A[:4, :4] + 0.7 * A[:4, 4] + q.c[:4])
    torch.testing.assert_close(ours.dt, x @ A[:4, 4] + 0.7 * A[4, 4] + q.c[4])
    torch.testing.assert_close(ours.laplacian, A[:4, :4].trace().expand(3))


def test_single_precision_stays_finite_far_away():
    potential = perturbed(100).float()
    x = torch.full((2, 100), 1e4, dtype=torch.float32)
    assert all(bool(part.isfinite().all()) for part in (potential(x, 0.5), *potential.derivatives(x, 0.5)))


@pytest.mark.parametrize(
    ("arguments", "message"), [((0,), "d >= 1"), ((2, 0), "width >= 1"), ((2, 8, 4), "between 1 and d \\+ 1 = 3")]
)
def test_bad_input_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Potential(*arguments)


def test_the_gram_method_is_chosen_where_the_dimension_exceeds_the_width():
    assert isinstance(Potential(9, 8).prepare().row_norms, Gram)
    assert isinstance(Potential(8, 8).prepare().row_norms, Jacobian)
