"""What recipes give, measured by training; prints one line per training, in the form of the architectures'
files:

    python -m tests.benchmarks.recipes quick [--models vit mixer]   # every model, on cifar10-mini
    python -m tests.benchmarks.recipes parts [--epochs 2]           # what parts of the ViT's `modern` change

`parts` trains on complete CIFAR-10 the recipe as it is, with all patches kept, and with the mean over tokens
classified instead of CLS: one run each, seed 0. Nothing else may run meanwhile: minutes are wall clock.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from vitcore.architectures import ARCHITECTURES, Result
from vitcore.config import make_config
from vitcore.training import train

PARTS = {"as it is": {}, "all patches": {"keep_patches": 1.0}, "mean pooling": {"pool": "mean"}}


def measure(recipe: str, name: str, title: str, runs_dir: Path | None, **changes: object) -> None:
    """Train once and print the accuracies and minutes."""
    config = make_config(recipe, model=name, **changes)
    run = train(config, runs_dir=runs_dir, title=title, progress=False)
    status = run.status()
    found, minutes = status.result, round(status.active_s / 60, 2)
    stated = Result(found["test_acc"], found["n_test"], config.data, config.epochs, minutes)
    print(
        f"{title}: validation {100 * found['val_acc']:.2f} % (n = {found['n_val']:,}), {stated}", flush=True
    )
    print(f"    {stated!r}\n    {run.path}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["quick", "parts"])
    parser.add_argument("--models", nargs="*", choices=list(ARCHITECTURES), default=list(ARCHITECTURES))
    parser.add_argument("--parts", nargs="*", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--epochs", type=int, default=2, help="of `parts`")
    parser.add_argument("--runs-dir", type=Path, default=None)
    given = parser.parse_args()
    if given.what == "quick":
        for name in given.models:
            measure("quick", name, f"{ARCHITECTURES[name].label} quick", given.runs_dir)
    else:
        for part in given.parts:
            changes = {**PARTS[part], "data": "cifar10", "epochs": given.epochs}
            measure("modern", "vit", f"ViT modern, {part}", given.runs_dir, **changes)


if __name__ == "__main__":
    main()
