"""The budgets of the stepper through a block: `python -m tests.benchmarks.block`.

Needs a Chromium and an idle machine. Prints the time to compute a block of one image, the search for the
patches that excite its units, the sizes of the message and of the replies with weights, redraws while the
pointer moves over each step, and WebSocket frames sent meanwhile.
"""

from __future__ import annotations

import time

import torch

import vitcore
from dashboard.attention import block, block_weights
from dashboard.components.inside import message
from dashboard.shared import resources
from dashboard.shared.selection import SelectedImage
from tests.benchmarks import stepping
from tests.benchmarks.explorer import milliseconds
from tests.browser.steppers import BLOCK
from vitcore.analysis.attention import as_input
from vitcore.analysis.block_steps import exciting_patches
from vitcore.runs.folder import find_run


def main() -> None:
    """Print all figures."""
    run = find_run("vit-cifar10")
    data, model = resources.dataset_of(run), vitcore.load("vit-cifar10")
    images = torch.from_numpy(data.test.images[:200].copy())
    begin = time.perf_counter()
    exciting_patches(model, images)
    taken = time.perf_counter() - begin
    begin = time.perf_counter()
    with torch.inference_mode():
        for part in images.split(10):
            model(as_input(part, model))
    plain = time.perf_counter() - begin
    print(f"search of 200 test images: {taken:.1f} s once, {taken / plain:.1f} times a forward pass")

    def message_of(chosen: SelectedImage, layer: str) -> bytes:
        header, view, _ = block.prepare(run, chosen, data, {"layer": layer})
        return message(header, chosen.image, view.floats, view.crops)

    def reply_to(layer: str) -> int:
        request = block_weights.RowRequest("", layer, 0, weights_only=True)
        return len(block_weights.packed(block_weights.neighbors(run, None, 0, request))[1])

    for layer in ("qkv", "out", "widen", "narrow"):
        taken = milliseconds(lambda layer=layer: reply_to(layer))
        print(f"rows of {layer}: {reply_to(layer) / 1e6:.2f} MB in {taken:.1f} ms")
    stepping.computing(data, [str(layer) for layer in range(1, 7)], message_of, repeats=3)
    stepping.redraws(BLOCK, "query=4.4")


if __name__ == "__main__":
    main()
