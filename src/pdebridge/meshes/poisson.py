"""Poisson's equation on ``n^d`` cells: what finite differences cost as the dimension grows.

    -Laplacian u = f on (0, 1)^d,   u = g on the boundary,   n - 1 interior points an axis, 2d + 1 points a stencil.

The error is ``O(h^2)``, ``h = 1/n``; the unknowns number ``(n - 1)^d``. A sparse direct solver and conjugate gradients
preconditioned by algebraic multigrid solve the same system.
"""

from collections.abc import Callable
from itertools import product
from math import sqrt
from time import perf_counter
from typing import Any, Literal, NamedTuple

import numpy as np
import pyamg
from scipy.sparse import csr_array, diags_array, eye_array, kron
from scipy.sparse.linalg import cg, splu

Array = np.ndarray
Function = Callable[[Array], Array]
"""From points ``(N, d)`` to values ``(N,)``."""


class Problem(NamedTuple):
    """A Poisson problem with known solution."""

    solution: Function
    source: Function
    gradient: Function | None = None
    """Of the solution, ``(N, d)``."""


def harmonic(d: int) -> Problem:
    """Return ``u = sum_k x_(2k-1) x_(2k)``, ``f = 0`` (E & Yu, Commun. Math. Stat. 6, 2018, section 3.1).

    If d is odd, the last coordinate has no partner and u does not depend on it.
    """
    if d < 2:
        raise ValueError(f"the harmonic problem pairs coordinates: d >= 2, not {d}")
    pairs = d - d % 2

    def gradient(x: Array) -> Array:
        g = np.zeros_like(x)
        g[:, :pairs:2], g[:, 1:pairs:2] = x[:, 1:pairs:2], x[:, :pairs:2]
        return g

    return Problem(lambda x: (x[:, :pairs:2] * x[:, 1:pairs:2]).sum(1), lambda x: 0.0 * x[:, 0], gradient)


def cosines(d: int) -> Problem:
    """Return ``u = d^(-1/2) sum cos(pi x_k)``, ``f = pi^2 u``; the mean of ``u^2`` is 1/2 in every dimension."""

    def u(x: Array) -> Array:
        return np.cos(np.pi * x).sum(1) / sqrt(d)

    return Problem(u, lambda x: np.pi**2 * u(x), lambda x: -np.pi * np.sin(np.pi * x) / sqrt(d))


def square(d: int) -> Problem:
    """Return ``u = sum x_k^2``, ``f = -2d`` (E & Yu 2018); finite differences are exact for it."""
    return Problem(lambda x: (x**2).sum(1), lambda x: 0.0 * x[:, 0] - 2 * d)


def sines(d: int) -> Problem:
    """Return ``u = prod sin(pi x_k)``, ``f = d pi^2 u``: finite differences err by ``O(h^2)``."""

    def u(x: Array) -> Array:
        return np.sin(np.pi * x).prod(1)

    return Problem(u, lambda x: d * np.pi**2 * u(x))


class Solved(NamedTuple):
    """The solution at the interior points, relative errors against the known one, seconds, and memory.

    `matrix_bytes` is that of the matrix alone, `bytes` of all that a solver must hold at once: matrix, right-hand side,
    solution, and the factors or the multigrid hierarchy.
    """

    values: Array
    relative_l2: float
    maximum: float
    seconds: float
    matrix_bytes: int
    bytes: int
    iterations: int

    @property
    def unknowns(self) -> int:
        """Return the number of interior points."""
        return len(self.values)


def solve(problem: Problem, d: int, n: int, method: Literal["direct", "multigrid"] = "multigrid") -> Solved:
    """Solve on ``n^d`` cells and compare.

    Args:
        problem: solution and source.
        d: dimension.
        n: cells an axis.
        method: sparse LU factors, or conjugate gradients with a smoothed-aggregation multigrid preconditioner to a
            relative residual of 1e-10.

    Raises:
        ValueError: fewer than two cells an axis, an unknown method, or more unknowns than 32-bit indices can count.
    """
    if d < 1 or n < 2:
        raise ValueError(f"finite differences need d >= 1 and n >= 2 cells an axis, not d = {d} and n = {n}")
    if (n - 1) ** d * (2 * d + 1) >= 2**31:
        raise ValueError(f"{n}^{d} cells are more than a sparse matrix with 32-bit indices can hold")
    started = perf_counter()
    A, b, exact = system(problem, d, n)
    u, iterations, more = SOLVERS[known(method)](A, b)
    seconds = perf_counter() - started
    error = u - exact
    return Solved(
        values=u,
        relative_l2=float(np.linalg.norm(error) / np.linalg.norm(exact)),
        maximum=float(np.abs(error).max()),
        seconds=seconds,
        matrix_bytes=stored(A),
        bytes=stored(A) + more + 2 * b.nbytes,
        iterations=iterations,
    )


def system(problem: Problem, d: int, n: int) -> tuple[csr_array, Array, Array]:
    """Return matrix, right-hand side (with boundary values moved there) and solution at the interior points."""
    h = 1 / n
    axis = np.arange(1, n) * h
    x = np.stack(np.meshgrid(*[axis] * d, indexing="ij"), axis=-1).reshape(-1, d)
    b = problem.source(x)
    for k in range(d):
        for wall, nearest in ((0.0, axis[0]), (1.0, axis[-1])):
            beside = x[:, k] == nearest
            foot = x[beside]
            foot[:, k] = wall
            b[beside] += problem.solution(foot) / h**2
    return laplacian(d, n), b, problem.solution(x)


def laplacian(d: int, n: int) -> csr_array:
    """Return the matrix of ``-Laplacian`` with zero boundary values on the ``(n - 1)^d`` interior points."""
    one = diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(n - 1, n - 1), format="csr") * float(n) ** 2
    A = one
    for k in range(1, d):
        A = kron(A, eye_array(n - 1), format="csr") + kron(eye_array((n - 1) ** k), one, format="csr")
    return csr_array(A)


def stored(A: Any) -> int:
    """Return the bytes of a matrix in compressed rows."""
    return int(A.data.nbytes + A.indices.nbytes + A.indptr.nbytes)


def evaluate(u: Array, boundary: Function, n: int, x: Array) -> Array:
    """Return the multilinear interpolant of values on ``n^d`` cells at the rows ``x``: sums over ``2^d`` corners.

    Args:
        u: values at the ``(n - 1)^d`` interior points.
        boundary: values elsewhere.
        n: cells an axis.
        x: points of the cube, ``(N, d)``.
    """
    d = x.shape[1]
    cell = np.clip((x * n).astype(int), 0, n - 1)
    part = x * n - cell
    found = np.zeros(len(x))
    for corner in product((0, 1), repeat=d):
        vertex = cell + corner
        inside = ((vertex > 0) & (vertex < n)).all(1)
        index = np.ravel_multi_index(tuple(np.where(inside[:, None], vertex - 1, 0).T), (n - 1,) * d)
        weight = np.where(corner, part, 1 - part).prod(1)
        found += weight * np.where(inside, u[index], boundary(vertex / n))
    return found


def direct(A: csr_array, b: Array) -> tuple[Array, int, int]:
    """Solve by sparse LU factors; also return their bytes (a number and an index an entry)."""
    factors = splu(A.tocsc(), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})
    return factors.solve(b), 0, 12 * factors.nnz


def multigrid(A: csr_array, b: Array) -> tuple[Array, int, int]:
    """Solve by conjugate gradients, preconditioned by one V-cycle of smoothed aggregation; also return its bytes."""
    steps = [0]

    def count(_: Array) -> None:
        steps[0] += 1

    hierarchy = pyamg.smoothed_aggregation_solver(A, max_coarse=500)
    u, failed = cg(A, b, rtol=1e-10, atol=0.0, maxiter=500, M=hierarchy.aspreconditioner(), callback=count)
    if failed:
        raise RuntimeError(f"conjugate gradients did not converge in {failed} iterations")
    coarse = sum(stored(level.A) for level in hierarchy.levels[1:])
    between = sum(stored(level.P) + stored(level.R) for level in hierarchy.levels[:-1])
    last = hierarchy.levels[-1].A.shape[0]  # solved by a dense inverse
    return u, steps[0], coarse + between + 8 * last**2


SOLVERS: dict[str, Callable[[csr_array, Array], tuple[Array, int, int]]] = {"direct": direct, "multigrid": multigrid}


def known(method: str) -> str:
    """Return the name of a solver, or refuse it."""
    if method not in SOLVERS:
        raise ValueError(f"unknown solver {method!r}; valid: {', '.join(sorted(SOLVERS))}")
    return method
