"""Peak memory and time of a training step against depth, by gradient mode."""

from pathlib import Path
from typing import Any

from pdebridge.paper.stability import Arrays, look
from pdebridge.paper.style import figure

MODES = ("stored", "checkpointed", "reversible")
MIB = 2**20


def draw(arrays: Arrays, stem: Path) -> None:
    """Draw measured peaks and the formula's, seconds, and the peaks of the published network, a row a device.

    Args:
        arrays: the memory study's ``depths`` and ``device/mode/quantity``.
        stem: the path without suffix.
    """
    devices = [device for device in ("cpu", "cuda") if f"{device}/stored/bytes" in arrays]
    with figure(stem, len(devices), 3, width=7.2, height=2.5 * len(devices)) as axes:
        for (peaks, seconds, network), device in zip(axes, devices, strict=True):
            draw_peaks(peaks, arrays, device)
            draw_seconds(seconds, arrays, device)
            draw_published(network, arrays, device)
            name = device.upper()
            peaks.set_title(f"(a) peak on {name} (MiB); line: formula")
            seconds.set_title(f"(b) seconds of a step on {name}")
            network.set_title(f"(c) 1202 layers, {name}: peak (MiB)")


def draw_peaks(ax: Any, arrays: Arrays, device: str) -> None:
    """Draw measured peaks as points, those of the formula as lines."""
    for i, mode in enumerate(MODES):
        style = look(i)
        ax.plot(arrays["depths"], arrays[f"{device}/{mode}/formula/bytes"] / MIB, color=style["color"], linewidth=0.8)
        measured = arrays[f"{device}/{mode}/bytes"] / MIB
        ax.plot(arrays["depths"], measured, **style | {"linestyle": "none"}, markersize=4, label=mode)
    ax.set(xscale="log", yscale="log", xlabel="steps $N$")
    ax.legend(loc="upper left", handletextpad=0.1, borderaxespad=0)


def draw_seconds(ax: Any, arrays: Arrays, device: str) -> None:
    """Draw the seconds of one step of each mode."""
    for i, mode in enumerate(MODES):
        ax.plot(arrays["depths"], arrays[f"{device}/{mode}/seconds"], **look(i), markersize=4, linewidth=0.8)
    ax.set(xlabel="steps $N$", xlim=(0, None), ylim=(0, None))


def draw_published(ax: Any, arrays: Arrays, device: str) -> None:
    """Draw the peaks of the published network as bars with their seconds, or nothing if it was not measured."""
    modes = [mode for mode in MODES if f"{device}/{mode}/published" in arrays]
    if not modes:
        ax.set_axis_off()
        ax.text(0.5, 0.5, "not measured", ha="center", va="center", transform=ax.transAxes, color="0.4")
        return
    for i, mode in enumerate(modes):
        peak, seconds = arrays[f"{device}/{mode}/published"]
        ax.bar(i, peak / MIB, width=0.6, color=look(MODES.index(mode))["color"])
        ax.annotate(
            f"{peak / MIB:.0f} MiB\n{seconds:.0f} s", (i, peak / MIB), (0, 2), textcoords="offset points", ha="center"
        )
    ax.set(yscale="log", xlim=(-0.6, len(modes) - 0.4))
    ax.set_xticks(range(len(modes)), modes)
    ax.margins(y=0.25)
