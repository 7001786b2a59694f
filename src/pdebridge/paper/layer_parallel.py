"""Convergence of multigrid in time, and what its schedule gains on many processes (Günther et al. 2020)."""

from pathlib import Path
from typing import Any

from pdebridge.paper.stability import Arrays, look
from pdebridge.paper.style import figure

CASES = {
    "N256-m4": "N = 256, m = 4",
    "N64-m4": "N = 64, m = 4",
    "N1024-m4": "N = 1024, m = 4",
    "N256-m2": "N = 256, m = 2",
    "N256-m16": "N = 256, m = 16",
    "N256-m4-F": "m = 4, F on the finest",
    "N256-m4-independent": "m = 4, independent",
}
# depth, processes and speedup of one-shot training, from memory of the paper's table: not confirmed in the source
UNCONFIRMED = {"peaks": (1024, 256, 6.0), "Indian Pines": (512, 128, 4.4), "MNIST": (512, 128, 8.5)}


def draw(arrays: Arrays, stem: Path) -> None:
    """Draw errors of states and gradient against cycles, the counted speedup of two cycles, and measured times if any.

    Errors are relative to the serial loop's. A speedup is that of one solve, serial steps over the longest chain of two
    V-cycles without communication; the published ones are of whole trainings.

    Args:
        arrays: the study's curves, each the rows ``x`` and ``y``.
        stem: the path without suffix.
    """
    timed = sorted((name for name in arrays if name.endswith("/time/ratio")), key=lambda name: len(name))
    with figure(stem, 1, 4 if timed else 3, width=9.6 if timed else 7.4, height=2.6) as axes:
        states, gradients, path, *clock = axes[0]
        x = arrays["N256-m4/state/error"][0]
        for i, (name, label) in enumerate(CASES.items()):
            for ax, quantity in ((states, "state"), (gradients, "gradient")):
                ax.semilogy(*arrays[f"{name}/{quantity}/error"], **look(i), markersize=3, linewidth=0.9, label=label)
        states.set(title="(a) error of the states", xlabel="cycles", xticks=x)
        gradients.set(title="(b) error of the gradient", xlabel="cycles of each solve", xticks=x)
        gradients.legend(fontsize=6, handlelength=1.4, loc="lower left")
        speedups(path, arrays)
        for ax in clock:
            times(ax, {name: arrays[name] for name in timed})


def speedups(ax: Any, arrays: Arrays) -> None:
    """Draw the counted speedup of two cycles against the processes, beside what is remembered of the paper's."""
    depths = sorted(int(name[1:-19]) for name in arrays if name.endswith("/speedup/two-cycles"))
    for i, N in enumerate(depths):
        line = arrays[f"N{N}/speedup/two-cycles"]
        ax.loglog(*line, **look(i), markersize=3, linewidth=0.9, label=f"N = {N}")
    ax.add_artist(ax.legend(fontsize=6, handlelength=1.4, loc="upper left"))
    crosses = [
        ax.plot(P, speedup, marker, color="black", markersize=6, zorder=3, label=f"{name}, N = {N}")[0]
        for marker, (name, (N, P, speedup)) in zip("x+*", UNCONFIRMED.items(), strict=True)
    ]
    title = "training in [7],\nsource unconfirmed"
    ax.legend(handles=crosses, title=title, title_fontsize=6, fontsize=6, handlelength=1.4, loc="lower right")
    ax.axhline(1, color="0.6", linewidth=0.6, zorder=0)
    ax.set(title="(c) counted speedup, two cycles", xlabel="processes P", ylim=(0.03, 100))


def times(ax: Any, ratios: Arrays) -> None:
    """Draw the measured time of both passes on one device, relative to the serial loop, against the depth."""
    for i, (name, (depths, ratio)) in enumerate(ratios.items()):
        batch, m = name.split("/")[:2]
        label = f"batch {batch[5:]}, m = {m[1:]}"
        ax.loglog(depths, ratio, **look(i), markersize=3, linewidth=0.9, label=label)
    ax.axhline(1, color="0.6", linewidth=0.6, zorder=0)
    ax.minorticks_off()
    ax.set_xticks(depths, [f"{N:g}" for N in depths])
    ax.set_yticks([0.1, 0.3, 1, 3], ["0.1", "0.3", "1", "3"])
    ax.set(title="(d) measured time / serial", xlabel="depth N", ylim=(0.02, 3.5))
    ax.legend(fontsize=6, handlelength=1.4, loc="lower left")
