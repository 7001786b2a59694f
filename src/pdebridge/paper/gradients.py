"""Where the reverse-time gradient fails, and memory and work of every gradient mode."""

from pathlib import Path
from typing import Any

from pdebridge.paper.stability import Arrays, look
from pdebridge.paper.style import figure

SCHEMES = {"forward-euler": "Euler", "rk2": "RK2", "rk4": "RK4"}
DAMPED = {
    "dopri5/rtol=1e-05": "dopri5, $10^{-5}$",
    "dopri5/rtol=1e-07": "dopri5, $10^{-7}$",
    "rk4/N=50": "RK4, $N=50$",
    "rk4/N=200": "RK4, $N=200$",
}
MIB = 2**20


def draw(arrays: Arrays, stem: Path) -> None:
    """Draw E1 to E5 and the cost of the modes.

    Args:
        arrays: the gradient study's, each the rows ``x`` and ``y`` of a curve.
        stem: the path without suffix.
    """
    with figure(stem, 2, 4, width=7.4, height=4.6) as axes:
        decay, random, tolerance, steps = axes[0]
        errors, cosines, memory, work = axes[1]
        curves(decay, arrays, {f"E1/rtol={tol}/state/error": f"rtol {tol}" for tol in ("1e-06", "1e-10")})
        decay.set(
            title="(a) lost state: decay", xlabel=r"$\lambda$ in $dz/dt = -\lambda z$", yscale="log", xlim=(0, None)
        )
        decay.axhline(1, color="0.6", linewidth=0.6, zorder=0)
        draw_random(random, arrays)
        both = {"E2/state/error": "state, ReLU decay", "E4/dopri5/gradient/error": "gradient, tanh field"}
        curves(tolerance, arrays, both, loc="lower right")
        tolerance.set(title="(c) benign fields: as rtol", xlabel="rtol", xscale="log", yscale="log")
        curves(steps, arrays, {f"E4/{name}/gradient/error": label for name, label in SCHEMES.items()})
        steps.set(title="(d) gradient, tanh field", yscale="log")
        number_steps(steps, arrays["E4/rk2/gradient/error"][0])
        curves(errors, arrays, {f"E5/{name}/gradient/error": label for name, label in DAMPED.items()})
        errors.set(title="(e) gradient, half damped", xlabel="rate $d$", yscale="log")
        curves(cosines, arrays, {f"E5/{name}/gradient/cosine": label for name, label in DAMPED.items()})
        cosines.set(title="(f) its cosine", xlabel="rate $d$")
        cosines.get_legend().remove()
        draw_memory(memory, arrays)
        draw_work(work, arrays)


def curves(ax: Any, arrays: Arrays, labels: dict[str, str], loc: str = "best") -> None:
    """Draw the named curves with a legend at a place."""
    for i, (name, label) in enumerate(labels.items()):
        ax.plot(*arrays[name], **look(i), markersize=3, linewidth=0.9, label=label)
    ax.legend(loc=loc, fontsize=6.5, handlelength=1.4, handletextpad=0.4, borderaxespad=0.1)


def draw_random(ax: Any, arrays: Arrays) -> None:
    """Draw the lost state of random fields, an activation a row, a point a width, with the range of the draws."""
    names = [name.split("/")[1] for name in arrays if name.startswith("E3/") and name.endswith("/error")]
    for j, n in enumerate(arrays[f"E3/{names[0]}/state/error"][0]):
        errors, least, greatest = (
            [arrays[f"E3/{name}/state/{which}"][1, j] for name in names] for which in ("error", "least", "greatest")
        )
        style = look(j)
        rows = [i + 0.16 * (2 * j - 1) for i in range(len(names))]
        ax.hlines(rows, least, greatest, color=style["color"], linewidth=0.9)
        ax.plot(errors, rows, **style | {"linestyle": "none"}, markersize=4, label=f"$n={n:g}$")
    ax.set(
        title="(b) lost state: random $W$", xlabel=r"$dz/dt = \sigma(Wz)$", xscale="log", ylim=(len(names) - 0.4, -0.6)
    )
    ax.set_yticks(range(len(names)), [name.replace("-", " ") for name in names])
    ax.axvline(1, color="0.6", linewidth=0.6, zorder=0)
    ax.legend(loc="lower right", fontsize=6.5, handletextpad=0, borderaxespad=0)


def modes(arrays: Arrays) -> list[str]:
    """Return the names of the gradient modes."""
    return list(dict.fromkeys(name.split("/")[1] for name in arrays if name.startswith("mode/")))


def draw_memory(ax: Any, arrays: Arrays) -> None:
    """Draw measured peaks as points and those of the formulas as lines; the names stand in the panel beside."""
    for i, name in enumerate(modes(arrays)):
        N, expected = arrays[f"mode/{name}/formula/bytes"]
        style = look(i)
        ax.plot(N, expected / MIB, color=style["color"], linestyle=style["linestyle"], linewidth=0.8)
        ax.plot(N, arrays[f"mode/{name}/bytes"][1] / MIB, **style | {"linestyle": "none"}, markersize=3)
    ax.set(title="(g) peak (MiB); lines: formula", yscale="log")
    number_steps(ax, N)


def number_steps(ax: Any, N: Any) -> None:
    """Number the steps that were taken on a logarithmic axis."""
    ax.set(xlabel="steps $N$", xscale="log")
    ax.set_xticks(N, [f"{n:g}" for n in N])
    ax.minorticks_off()


def draw_work(ax: Any, arrays: Arrays) -> None:
    """Draw CPU time and, hollow, evaluations of each mode at the largest ``N``, as multiples of storing."""
    names, beside = modes(arrays), ax.get_yaxis_transform()
    for i, name in enumerate(names):
        style = look(i)
        ax.plot([-0.1], [i], **style | {"linestyle": "none"}, markersize=3.5, transform=beside, clip_on=False)
        work, seconds = (
            arrays[f"mode/{name}/{quantity}"][1, -1] / arrays[f"mode/stored/{quantity}"][1, -1]
            for quantity in ("work", "seconds/stage")
        )
        ax.plot([work], [i], marker="o", markersize=6, color="0.3", markerfacecolor="none", linestyle="none")
        ax.plot([seconds], [i], marker="o", markersize=2.5, color=style["color"], linestyle="none")
    ax.set(title="(h) time (•), work (○)", xlabel="multiples of stored", ylim=(len(names) - 0.5, -0.5), xlim=(0, None))
    ax.set_yticks(range(len(names)), names)
    ax.tick_params(axis="y", length=0, pad=12)
    ax.axvline(1, color="0.6", linewidth=0.6, zorder=0)
