"""One sentence about what an experiment found, made of its numbers. Pure functions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dashboard.inductive_bias.figures import Line


def finding(probe: str, lines: list[Line], border: str = "reflect") -> str:
    """What the trained models (not dotted) did, in words; empty where there is nothing to say."""
    trained = [line for line in lines if line.dash == "solid"]
    say = WORDS.get(probe)
    return say(trained, border) if say and trained else ""


def _list(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _curve(lines: list[Line], curve: str, x: int) -> str:
    """`ViT 92 ± 3 %, ResNet 95 ± 2 %` at one place of a curve; empty where nothing was measured there."""
    parts = []
    for line in lines:
        if x not in line.values["x"]:
            return ""
        at = line.values["x"].index(x)
        mean, error = (100 * line.values["curves"][curve][k][at] for k in ("mean", "error"))
        parts.append(f"{line.label} {mean:.0f} ± {error:.0f} %")
    return ", ".join(parts)


def _shift(lines: list[Line], border: str) -> str:
    said = _curve(lines, f"consistency, {border}", 4)
    return said and f"Images moved by 4 pixels keep their answer: {said}."


def _shuffle(lines: list[Line], border: str) -> str:
    said = _curve(lines, "accuracy", 4)
    return said and f"Right answers with 4 x 4 shuffled cells: {said}."


def _occlusion(lines: list[Line], border: str) -> str:
    said = _curve(lines, "accuracy, random", 32)
    return said and f"Right answers with half of the cells hidden at random: {said}."


def _ends(series: dict, digits: int, start: int = 1) -> list[str]:
    """After the first block, or a later one, and after the last, each with its error."""
    pairs = [(series["mean"][i], series["error"][i]) for i in (start, -1)]
    return [f"{mean:.{digits}f} ± {error:.{digits}f}" for mean, error in pairs]


def _reach(lines: list[Line], border: str) -> str:
    parts = []
    for line in lines:
        first, last = _ends(line.values["reach"], 2)
        parts.append(f"the {line.label} from {first} pixels after its first block to {last}")
    return f"What a place reads lies on average this far from it: {_list(parts)} after the last."


def _cka(lines: list[Line], border: str) -> str:
    values, owners = lines[0].values, (lines[0].label, lines[0].beside)
    cut = len(values["layers"][0])
    table = np.array(values["cka"]["mean"])
    between = table[:cut, cut:]
    row, column = np.unravel_index(between.argmax(), between.shape)
    error = np.array(values["cka"]["error"])[row, cut + column]
    parts = [
        f"{layers[i]} of the {owner}"
        for layers, i, owner in zip(values["layers"], (row, column), owners, strict=True)
    ]
    return f"Most alike between the two: {_list(parts)} (CKA {between[row, column]:.2f} ± {error:.2f})."


def _fourier(lines: list[Line], border: str) -> str:
    parts = []
    for line in lines:
        fall, sides = line.values["fall"], line.values["sides"]
        start = max(
            1, sides.index(sides[-1])
        )  # behind the last stride: it changes which frequencies there are
        first, last = _ends(fall, 2, start)
        change = fall["mean"][-1] - fall["mean"][start]
        way = "smooths" if change < 0 else "sharpens"
        if abs(change) < 2 * (fall["error"][-1] ** 2 + fall["error"][start] ** 2) ** 0.5:
            way = "does neither"
        parts.append(
            f"the {line.label} {way} ({first} after {line.values['layers'][start]}, {last} at the end)"
        )
    return (
        f"Among layers of the same size, {_list(parts)}. Expected is that attention smooths and convolutions "
        "sharpen; a stride changes the frequencies that there are."
    )


def _ablation(lines: list[Line], border: str) -> str:
    parts = []
    for line in lines:
        mean = np.array(line.values["blocks"]["mean"])
        worst = int(mean.argmin())
        error = line.values["blocks"]["error"][worst]
        change = f"{100 * mean[worst]:+.0f} ± {100 * error:.0f} points"
        parts.append(f"the {line.label} {line.values['layers'][worst]} ({change})")
    return f"Missed most: in {_list(parts)}."


WORDS: dict[str, Callable[[list[Line], str], str]] = {
    "shift": _shift,
    "shuffle": _shuffle,
    "occlusion": _occlusion,
    "receptive-field": _reach,
    "distance": _reach,
    "cka": _cka,
    "fourier": _fourier,
    "ablation": _ablation,
}
