"""The budgets of the stepper through a convolution: `python -m tests.benchmarks.convolution`.

Needs a Chromium and an idle machine. Prints the time to compute a block of one image, the sizes of the
messages, redraws while the pointer moves over each step, and WebSocket frames sent meanwhile.
"""

from __future__ import annotations

from dashboard.attention import convolution
from dashboard.components.inside import message
from dashboard.shared import resources
from dashboard.shared.selection import SelectedImage
from tests.benchmarks import stepping
from tests.browser.steppers import CONVOLUTION
from vitcore.runs.folder import find_run


def main() -> None:
    """Print all figures."""
    run = find_run("resnet-cifar10")
    data = resources.dataset_of(run)

    def message_of(chosen: SelectedImage, block: str) -> bytes:
        header, view, _ = convolution.prepare(run, chosen, data, {"block": block})
        return message(header, chosen.image, view.floats)

    stepping.computing(data, ["input", *map(str, range(1, 10))], message_of, repeats=1)
    stepping.redraws(CONVOLUTION, "block=9&convolution=2")


if __name__ == "__main__":
    main()
