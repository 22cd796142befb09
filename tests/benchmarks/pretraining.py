"""What a pretraining without labels is worth: fine-tuned with a share of the labels, against from scratch.

    python -m tests.benchmarks.pretraining                                  # a small ViT, on one thread
    python -m tests.benchmarks.pretraining --epochs 100 --steps 3500 --options ""     # the ViT of the recipes

One ViT is pretrained on all training images of a data set. Then it is fine-tuned with 5, 10, 25 and 100 % of
them and their labels. The same ViT with random weights is trained with the same settings: the recipe `quick`
on the same images in the same order, for equally many steps.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.conftest import ROOT
from vitcore import numbers
from vitcore.runs.folder import Run

SMALL = "embed_dim=128 hidden_dim=256 num_heads=4 num_layers=4"
SMALL_DECODER = "decoder_dim=64 decoder_layers=1"
ALIKE = "pool=mean init_std=0.02 drop_path=0"  # of the recipe `pretrain`, for the ViT from scratch
VALIDATIONS = 2  # of each supervised training


def train(home: Path, *options: str) -> Run:
    """Train in a process with one thread, and return the finished run."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "VITLAB_RUNS": str(home)}
    done = subprocess.run(
        [sys.executable, "-m", "vitcore", "train", *options],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    return Run(Path(done.stdout.strip()))


def settings(text: str) -> list[str]:
    """Return `a=1 b=2` as options of the command line."""
    return [word for setting in text.split() for word in ("--set", setting)]


def row(name: str, share: str, run: Run) -> str:
    """Return the line of a supervised run: accuracy, its binomial standard error, minutes."""
    status = run.status()
    accuracy, count = status.result["test_acc"], status.result["n_test"]
    error = math.sqrt(accuracy * (1 - accuracy) / count)
    minutes = f"{status.active_s / 60:.1f}"
    return f"| {name} | {share} % | {numbers.percent(accuracy)} | {100 * error:.2f} | {minutes} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", default="cifar10")
    parser.add_argument("--epochs", default="4", help="of the pretraining")
    parser.add_argument("--steps", type=int, default=250, help="of each supervised training")
    parser.add_argument("--shares", default="5,10,25,100", help="of the labels in percent")
    parser.add_argument("--options", default=SMALL, help="of the model")
    parser.add_argument("--decoder", default=SMALL_DECODER, help="settings of the decoder")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--runs", type=Path, help="folder that keeps the runs; by default a temporary one")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        home = given.runs or Path(temporary)
        common = ["--data", given.data, "--device", given.device]
        start = train(
            home, *common, "--recipe", "pretrain", "--epochs", given.epochs,
            *settings(f"{given.options} {given.decoder}"),
        )  # fmt: skip
        status = start.status()
        print(
            f"Pretrained for {given.epochs} epochs of {status.result['n_train']:,} images in "
            f"{status.active_s / 60:.1f} min: test loss {status.result['test_loss']:.4f}.\n\n"
            "| training | labels | test accuracy | standard error, points | minutes |\n|---|---|---|---|---|",
            flush=True,
        )
        for share in given.shares.split(","):
            taught = [
                *common, "--recipe", "quick", "--epochs", str(VALIDATIONS),
                *settings(f"train_share={float(share) / 100:g} steps_per_epoch={given.steps // VALIDATIONS}"),
            ]  # fmt: skip
            tuned = train(home, "--from", start.id, *taught)
            scratch = train(home, *taught, *settings(f"{given.options} {ALIKE}"))
            print(
                row("pretrained without labels", share, tuned), row("from scratch", share, scratch), sep="\n"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
