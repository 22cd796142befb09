"""The recipe `modern` against the tutorial's published loader and module at equal wall-clock time, on
complete CIFAR-10, one after the other:

    python -m tests.benchmarks.equal_time [--epochs 5] [--runs-dir runs]

First `modern` for so many epochs, then the tutorial's code (`training_speed`: attention that returns its
weights, dropout 0.2, per-image transforms in four workers, AdamW 3e-4, whose rate the published schedule
first changes after 100 epochs) for just as many seconds, both with their validations. Both leave a run, so
that Compare shows them. The tutorial's is trained by the loop below, because the engine would train it faster
than it was published; its config.yaml names the recipe it stands for.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from pytorch_lightning import seed_everything
from torch.utils.data import DataLoader
from torch.utils.tensorboard import SummaryWriter

from tests.benchmarks.training_speed import BATCH, PerImage, TutorialViT
from vitcore.config import make_config
from vitcore.data import load_dataset, resolve
from vitcore.models import load_run, weights_of
from vitcore.models.evaluate import evaluate
from vitcore.runs import process
from vitcore.runs.creation import create_run
from vitcore.runs.files import write_atomic
from vitcore.runs.folder import Run
from vitcore.runs.status import Status
from vitcore.training import train
from vitcore.training.setup import parts


def tutorial(seconds: float, runs_dir: Path | None, seed: int = 0) -> Run:
    """Train the published module with the published loader until the time is over; leaves a finished run."""
    from safetensors.torch import save

    seed_everything(seed, verbose=False)
    config = resolve(make_config("tutorial", model="vit", data="cifar10", seed=seed))
    train_part, val_part = parts(load_dataset("cifar10"), config)
    data = PerImage(train_part.images, train_part.labels)
    loader = DataLoader(data, BATCH, shuffle=True, drop_last=True, num_workers=4, persistent_workers=True)
    model = TutorialViT()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
    now = time.time()
    title = f"Tutorial's code, {seconds / 60:.0f} minutes"
    alive = Status(state="running", created=now, heartbeat=now, **process.identity())
    run = create_run(config, runs_dir, title=title, status=alive)
    events, step, best, began = SummaryWriter(run.path), 0, -1.0, time.perf_counter()
    over = False
    while not over:
        for images, labels in loader:
            model.train()
            optimizer.zero_grad()
            logits = model(images)
            loss = F.cross_entropy(logits, labels)
            loss.backward()
            optimizer.step()
            step += 1
            over = time.perf_counter() - began > seconds
            if step % 35 == 0 or over:
                hits = float((logits.argmax(dim=1) == labels).float().mean())
                values = {
                    "train_loss": loss.item(),
                    "train_acc": hits,
                    "epoch": step / len(loader),
                    "lr": 3e-4,
                }
                for tag, value in values.items():
                    events.add_scalar(tag, value, step)
            if step % len(loader) == 0 or over:  # its epoch's end; and what it had when the time was over
                score = evaluate(model, val_part)
                events.add_scalar("val_loss", score.loss, step)
                events.add_scalar("val_acc", score.accuracy, step)
                events.flush()
                print(
                    f"tutorial's code: {step / len(loader):.2f} epochs, val_acc {100 * score.accuracy:.2f} %",
                    flush=True,
                )
                if score.accuracy > best:
                    best = score.accuracy
                    write_atomic(run.best, save(weights_of(model)))
            if over:
                break
    active = time.perf_counter() - began
    test = evaluate(load_run(run), load_dataset("cifar10").test)
    events.add_scalar("test_acc", test.accuracy, step)
    events.close()
    result = {"val_acc": best, "n_val": len(val_part), "test_acc": test.accuracy, "n_test": test.count}
    epoch = step / len(loader)
    done = {
        "state": "finished",
        "step": step,
        "epoch": epoch,
        "ended": time.time(),
        "active_s": active,
        "result": result,
    }
    run.write_status(
        run.stored_status().model_copy(update=done | {"device": "cpu", "started": now, "pid": None})
    )
    return run


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=5, help="of modern; the time is what they take")
    parser.add_argument("--runs-dir", type=Path, default=None)
    given = parser.parse_args()
    config = make_config("modern", model="vit", data="cifar10", epochs=given.epochs)
    began = time.perf_counter()
    ours = train(config, runs_dir=given.runs_dir, title="ViT modern, equal time")
    spent = ours.status().active_s
    print(
        f"modern: {given.epochs} epochs in {spent / 60:.1f} minutes of training, "
        f"{time.perf_counter() - began:.0f} s in all"
    )
    theirs = tutorial(spent, given.runs_dir)
    accuracies = [100 * run.status().result["val_acc"] for run in (ours, theirs)]
    print(
        f"validation after {spent / 60:.1f} minutes each: modern {accuracies[0]:.2f} %, tutorial's code "
        f"{accuracies[1]:.2f} %,"
    )
    print(f"{np.subtract(*accuracies):.2f} points ahead\n{ours.path}\n{theirs.path}")


if __name__ == "__main__":
    main()
