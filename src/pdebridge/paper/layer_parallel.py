"""Convergence of multigrid in time, and what its schedule gains on many processes (Günther et al. 2020)."""

from pathlib import Path

from pdebridge.paper.stability import Arrays, look
from pdebridge.paper.style import figure

CASES = {
    "N256-m4": "N = 256, m = 4",
    "N64-m4": "N = 64, m = 4",
    "N1024-m4": "N = 1024, m = 4",
    "N256-m2": "N = 256, m = 2",
    "N256-m16": "N = 256, m = 16",
    "N256-m4-F": "F-relaxation",
    "N256-m4-independent": "independent weights",
}
# processes and speedups of one-shot training, from memory of the paper's table: not confirmed in the source
UNCONFIRMED = ((256, 6.0), (128, 4.4), (128, 8.5))


def draw(arrays: Arrays, stem: Path) -> None:
    """Draw the errors of states and gradient against the cycles, and the counted speedup of two cycles.

    Args:
        arrays: the study's curves, each the rows ``x`` and ``y``.
        stem: the path without suffix.
    """
    with figure(stem, 1, 3, width=7.4, height=2.6) as axes:
        states, gradients, path = axes[0]
        for i, (name, label) in enumerate(CASES.items()):
            for ax, quantity in ((states, "state"), (gradients, "gradient")):
                ax.semilogy(*arrays[f"{name}/{quantity}/error"], **look(i), markersize=3, linewidth=0.9, label=label)
        states.set(title="(a) error of the states", xlabel="cycles")
        gradients.set(title="(b) error of the gradient", xlabel="cycles of each solve")
        gradients.legend(fontsize=6, handlelength=1.4, loc="lower left")
        for i, name in enumerate(sorted((n for n in arrays if n.endswith("/speedup")), key=lambda n: int(n[1:-8]))):
            processes, gain = arrays[name]
            path.loglog(processes, gain / 2, **look(i), markersize=3, linewidth=0.9, label=f"N = {name[1:-8]}")
        path.plot(*zip(*UNCONFIRMED, strict=True), "kx", markersize=5, label="source unconfirmed")
        path.axhline(1, color="0.6", linewidth=0.6, zorder=0)
        path.set(title="(c) counted speedup, two cycles", xlabel="processes P")
        path.legend(fontsize=6, handlelength=1.4, loc="lower right")
