"""Four problems without data: phase plane, energy, denoising, and misfit of few and of many steps."""

from pathlib import Path
from typing import Any

import numpy as np

from pdebridge.paper.style import BLUE, COLOURS, MARKERS, ORANGE, figure

Arrays = dict[str, np.ndarray]
PLANES = [
    ("K+", r"(a) $K_+$: $\lambda = 2, 2$"),
    ("K-", r"(b) $K_-$: $\lambda = -2, -2$"),
    ("K0", r"(c) $K_0$: $\lambda = \pm i$"),
]
STEPS = [(5, "$N = 5$"), (100, "$N = 100$")]


def draw(arrays: Arrays, stem: Path) -> None:
    """Draw the demonstration study.

    Args:
        arrays: the study's ``phase/...``, ``energy/...``, ``tv/...`` and ``landscape/...``.
        stem: the path without suffix.
    """
    with figure(stem, 3, 4, width=7.2, height=5.6) as axes:
        for ax, (name, title) in zip(axes[0], PLANES, strict=False):
            draw_plane(ax, arrays[f"phase/{name}/paths"], arrays[f"phase/{name}/K"])
            ax.set_title(title)
        draw_energy(axes[0, 3], arrays, "hamiltonian", "verlet", "(d) Hamiltonian")
        draw_image(axes[1, 0], arrays["tv/before"], f"(e) noisy, {arrays['tv/psnr'][0]:.1f} dB")
        draw_image(axes[1, 1], arrays["tv/after"], f"(f) TV flow, {arrays['tv/psnr'][-1]:.1f} dB")
        draw_variation(axes[1, 2], arrays["tv/variation"])
        draw_energy(axes[1, 3], arrays, "second-order", "leapfrog", "(h) second order")
        for i, (steps, label) in enumerate(STEPS):
            for j, part in enumerate(("train", "test")):
                ax = axes[2, 2 * i + j]
                draw_misfit(ax, arrays["landscape/axis"], arrays[f"landscape/{steps}/{part}"])
                ax.set_title(f"({'ijkl'[2 * i + j]}) {label}, {part}")
        axes[2, 0].legend(
            loc="upper right", handletextpad=0.1, borderaxespad=0.1, fontsize=7, frameon=True, framealpha=1
        )


def draw_plane(ax: Any, paths: np.ndarray, K: np.ndarray) -> None:
    """Draw the directions of ``tanh(K y)`` and the states of three inputs, the first hollow."""
    reach = 1.15 * max(np.abs(paths).max(), 0.5)
    grid = np.stack(np.meshgrid(*2 * [np.linspace(-reach, reach, 13)]), axis=-1)
    velocity = np.tanh(grid @ K.T)
    velocity /= np.linalg.norm(velocity, axis=-1, keepdims=True) + 1e-12
    ax.quiver(*np.moveaxis(grid, -1, 0), *np.moveaxis(velocity, -1, 0), color="0.8", scale=20, width=0.006)
    for i, marker in zip(range(paths.shape[1]), MARKERS, strict=False):
        ax.plot(*paths[:, i].T, color=COLOURS[i], marker=marker, markersize=3, linewidth=0.8)
        ax.plot(*paths[0, i], color=COLOURS[i], marker=marker, markersize=4.5, markerfacecolor="white")
    ax.set(aspect="equal", xlim=(-reach, reach), ylim=(-reach, reach))


def draw_energy(ax: Any, arrays: Arrays, equation: str, symplectic: str, title: str) -> None:
    """Draw the relative error of the energy against the step, for the symplectic step and for forward Euler."""
    for name, colour, lift in ((symplectic, BLUE, 3), ("euler", ORANGE, -9)):
        error = arrays[f"energy/{equation}/{name}"]
        # the largest of every hundred steps: the symplectic errors oscillate
        envelope = error[1:].reshape(-1, 100).max(1)
        steps = 100 * np.arange(1, len(envelope) + 1)
        ax.plot(steps, envelope, color=colour, linewidth=1)
        at = (steps[-1], envelope[-1])
        ax.annotate(name.capitalize(), at, (-2, lift), textcoords="offset points", ha="right", color=colour)
    ax.set(title=f"{title}:\nenergy error (%)", yscale="log", xlabel="step")
    ax.set_xticks([0, 5000, 10_000], ["0", "5000", "$10^4$"])


def draw_image(ax: Any, image: np.ndarray, title: str) -> None:
    """Draw an image of grey values around [0, 1]."""
    ax.imshow(image, cmap="gray", vmin=-0.2, vmax=1.2, interpolation="nearest")
    ax.set(title=title, xticks=[], yticks=[])


def draw_variation(ax: Any, variation: np.ndarray) -> None:
    """Draw the total variation along the flow."""
    ax.plot(variation, color=BLUE, linewidth=1)
    ax.set(title="(g) total variation", xlabel="step", ylim=(0, None))


def draw_misfit(ax: Any, axis: np.ndarray, misfit: np.ndarray) -> None:
    """Draw contours of a misfit, with equal areas between them, its minimiser on the grid, and the true parameters."""
    levels = np.quantile(misfit, np.linspace(0.01, 0.96, 12))
    ax.contour(axis, axis, misfit.T, levels=levels, cmap="cividis", linewidths=0.7)
    i, j = np.unravel_index(misfit.argmin(), misfit.shape)
    ax.plot(axis[i], axis[j], color=BLUE, marker="o", markersize=5, linestyle="none", label="minimiser")
    ax.plot(1, 1, color=ORANGE, marker="P", markersize=6, linestyle="none", label="truth")
    ax.set(aspect="equal", xlabel=r"$\theta_1$", ylabel=r"$\theta_2$", xticks=[0.2, 1, 2], yticks=[0.2, 1, 2])
