"""What every right-hand side promises: shapes, weights, and the spectrum of its Jacobian."""

import pytest
import torch
from torch import Tensor
from torch.func import jacrev
from torch.nn import functional

from families import FAMILIES, control, dynamics, features, identifier
from pdebridge.catalogue import DYNAMICS, INTEGRATORS
from pdebridge.cube import load
from pdebridge.dynamics.antisymmetric import Antisymmetric
from pdebridge.dynamics.base import Dynamics, Instant
from pdebridge.dynamics.dense import Dense
from pdebridge.dynamics.field import Field
from pdebridge.dynamics.hamiltonian import Hamiltonian, HamiltonianPair
from pdebridge.dynamics.imex import ReactionDiffusion
from pdebridge.dynamics.parabolic import Parabolic
from pdebridge.networks.flow import flow

AT = Instant(0, 0.0, 0.1)


def jacobian(F: Dynamics, u: Tensor, part: int = 0) -> Tensor:
    """Return the matrix of ``dF/du`` at one sample."""
    theta = tuple(w[0].detach() for w in control(F, 1).parameters())
    return jacrev(lambda v: F(v.view(u.shape), theta, AT, part).flatten())(u.flatten())


@pytest.mark.parametrize("name", FAMILIES)
def test_f_keeps_shape_and_dtype(name: str) -> None:
    F = dynamics(name, 2)
    field = Field(F, tuple(w[:1] for w in control(F, 2).parameters()), (0.0,), 0, 0.1)
    u = features(name, 2 if F.structure in ("partitioned", "second-order-pair") else 4)
    for part in range(2 if F.structure in ("partitioned", "augmented") else 1):
        v = field(u, 0.0, part)
        assert v.shape == u.shape and v.dtype == u.dtype


def test_every_registered_name_is_tested_and_has_an_integrator() -> None:
    assert set(DYNAMICS) == {key for key, _ in FAMILIES.values()}
    structures = {load(reference).structure for reference in INTEGRATORS.values()}
    assert {dynamics(name, 2).structure for name in FAMILIES} <= structures


IMAGE, POINT = features("conv dense")[:1], features("dense")[:1]


@pytest.mark.parametrize(("operator", "u"), [("dense", POINT), ("conv2d", IMAGE)], ids=identifier)
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_symmetric_layer_has_a_negative_semidefinite_jacobian(operator: str, u: Tensor, activation: str) -> None:
    J = jacobian(Parabolic(4, operator, activation, "none").double(), u)
    torch.testing.assert_close(J, J.T)
    assert torch.linalg.eigvalsh(J).max() <= 1e-12
    assert torch.linalg.eigvalsh(J).min() < -1e-2


@pytest.mark.parametrize(("operator", "u"), [("dense", POINT), ("conv2d", IMAGE)], ids=identifier)
def test_antisymmetric_jacobian_has_imaginary_eigenvalues(operator: str, u: Tensor) -> None:
    eigenvalues = torch.linalg.eigvals(jacobian(Antisymmetric(4, operator=operator).double(), u))
    assert eigenvalues.real.abs().max() < 1e-12
    assert eigenvalues.imag.abs().max() > 1e-2


def test_gamma_moves_the_eigenvalues_to_the_left() -> None:
    F = Antisymmetric(4, activation="identity", gamma=0.2).double()
    K, _ = (w[0].detach() for w in control(F, 1).parameters())
    eigenvalues = torch.linalg.eigvals(F.matrix(K))
    torch.testing.assert_close(eigenvalues.real, torch.full((4,), -0.1, dtype=torch.float64))  # half of gamma
    full = Antisymmetric(4, gamma=0.2, half=False).double()
    torch.testing.assert_close(full.matrix(K), 2 * F.matrix(K))


@pytest.mark.parametrize(
    ("pair", "tolerance"),
    [
        (HamiltonianPair(8, activation="identity"), 1e-12),  # antisymmetric to the last digit
        (
            Hamiltonian(8, operator="dense", activation="tanh", normalisation="none"),
            1e-6,
        ),  # a double zero is found to the root of the precision
    ],
    ids=identifier,
)
def test_hamiltonian_systems_have_imaginary_eigenvalues(pair: Dynamics, tolerance: float) -> None:
    """The Jacobian of ``(y, z) -> (F_1(z), -F_2(y))``."""
    pair.double()
    upper, lower = jacobian(pair, POINT, 0), -jacobian(pair, POINT, 1)
    zero = torch.zeros_like(upper)
    eigenvalues = torch.linalg.eigvals(torch.cat([torch.cat([zero, upper], 1), torch.cat([lower, zero], 1)]))
    assert eigenvalues.real.abs().max() < tolerance * eigenvalues.abs().max()
    assert eigenvalues.imag.abs().max() > 0.1


def test_hamiltonian_pair_uses_one_matrix_and_its_transpose() -> None:
    F = HamiltonianPair(6)
    K, b = torch.randn(3, 3), torch.randn(3)
    u = torch.randn(2, 3)
    torch.testing.assert_close(F(u, (K, b), AT, 0), torch.tanh(u @ K.T + b))
    torch.testing.assert_close(F(u, (K, b), AT, 1), torch.tanh(u @ K + b))


def test_dense_with_identity_is_linear() -> None:
    F = Dense(3, activation="identity")
    K, b, u = torch.randn(3, 3), torch.randn(3), torch.randn(5, 3)
    torch.testing.assert_close(F(u, (K, b), AT), (K @ u.T).T + b)


def test_parabolic_layer_is_the_formula() -> None:
    F = Parabolic(3, normalisation="none", activation="relu")
    K, b, u = torch.randn(3, 3, 3, 3), torch.randn(3), torch.randn(2, 3, 5, 5)
    expected = -functional.conv_transpose2d(torch.relu(functional.conv2d(u, K, b, padding=1)), K, padding=1)
    torch.testing.assert_close(F(u, (K, b), AT), expected)


def test_resolvent_solves_the_implicit_equation() -> None:
    """``(I + h L^T L) x = u`` with periodic convolutions by padding, in two dimensions of different parity."""
    F = ReactionDiffusion(2, normalisation="none").double()
    L = torch.randn(2, 3, 3, dtype=torch.float64)
    u = torch.randn(3, 2, 7, 6, dtype=torch.float64)
    (solve,) = Field(F, (L[None],), (0.0,), 0, 0.7).functions(u, lambda z: 1 / (1 - z))
    x = solve(u)
    torch.testing.assert_close(x.sum((2, 3)), u.sum((2, 3)))  # the stencils have zero mean
    kernel = (L - L.mean((1, 2), keepdim=True))[:, None]
    Lx = functional.conv2d(functional.pad(x, (1, 1, 1, 1), "circular"), kernel, groups=2)
    LtLx = functional.conv2d(functional.pad(Lx, (1, 1, 1, 1), "circular"), kernel.flip(2, 3), groups=2)
    torch.testing.assert_close(x + 0.7 * LtLx, u)


def test_imex_refuses_what_it_cannot_do() -> None:
    with pytest.raises(ValueError, match="conv1d, conv2d or conv3d, not dense"):
        ReactionDiffusion(4, operator="dense")
    with pytest.raises(ValueError, match="at least 3 pixels"):
        ReactionDiffusion(1).symbol(torch.zeros(1, 1, 2, 5), (torch.zeros(1, 3, 3),))


def test_tv_flow_denoises_and_keeps_the_edge() -> None:
    """Identity activation, two difference stencils and the TV norm make the parabolic layer the TV flow."""
    torch.manual_seed(0)
    clean = torch.zeros(1, 1, 24, 24, dtype=torch.float64)
    clean[..., 6:18, 6:18] = 1.0
    u = clean + 0.1 * torch.randn_like(clean)
    K = torch.zeros(2, 1, 3, 3, dtype=torch.float64)
    K[:, 0, 1, 1], K[0, 0, 1, 2], K[1, 0, 2, 1] = -1.0, 1.0, 1.0
    F = Parabolic(2, activation="identity")
    one, zero = torch.ones(2, dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    error = (u - clean).norm()
    for _ in range(30):
        u = u + 0.005 * F(u, (K, one, zero), AT)  # h ||K||^2 / sqrt(eps) = 0.005 * 8 / 0.0316 < 2
    assert (u - clean).norm() < 0.55 * error
    assert (u[..., 8:16, 7] - u[..., 8:16, 4]).mean() > 0.9


@pytest.mark.parametrize("name", ["hamiltonian-pair", "hamiltonian", "coupling", "half-damped"])
def test_odd_widths_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="must be even, not 5"):
        load(DYNAMICS[name])(5)


def test_unknown_activation_and_negative_gamma_are_refused() -> None:
    with pytest.raises(ValueError, match="did you mean 'tanh'"):
        Dense(2, activation="tan")
    with pytest.raises(ValueError, match="gamma damps"):
        Antisymmetric(2, gamma=-1.0)


@pytest.mark.parametrize("scale", [0.1, 1.0, 3.0])
def test_backward_sensitivities_of_a_hamiltonian_network_do_not_vanish(scale: float) -> None:
    """``M^T J M = J`` for ``M = du_N/du_k``, so that ``||M|| >= 1``; a damped network of the same depth loses all."""
    norms = {}
    for name, step in (("hamiltonian", "verlet"), ("parabolic", "forward-euler")):
        torch.manual_seed(0)
        options = {"operator": "dense", "normalisation": "none", "activation": "tanh", "scale": scale}
        net = flow(name, step, width=6, steps=40, time=8.0, **options).double()
        u = torch.randn(1, 6, dtype=torch.float64)
        M = torch.func.jacrev(lambda v, net=net: net(v)[0])(u)[:, 0]
        norms[name] = float(torch.linalg.matrix_norm(M, 2))
        if name == "hamiltonian":
            J = torch.kron(torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64), torch.eye(3))
            torch.testing.assert_close(M.T @ J @ M, J, rtol=1e-9, atol=1e-9 * norms[name] ** 2)
    assert norms["hamiltonian"] >= 1
    assert scale != 1 or norms["parabolic"] < 0.1
