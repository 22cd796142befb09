"""How fast trainings are on a GPU, end to end, against the tutorial's published code in the same run:

    python -m tests.benchmarks.gpu_training [NAME ...] [--device cuda] [--steps 1500]

Each line trains through `vitcore.training.train`: Lightning's loop, augmentation, optimizer, curves and
checkpoints. Its images/s are those of the second half of the steps, from the times in the event file. The
reference is the tutorial's module with its loader of four workers, in Lightning's loop. `captured` repeats
one recorded step on a fixed batch: the fastest that the same step can be.

Goals on one NVIDIA GPU of the H100 class: `modern` 4 times the reference at batch 128 and 60,000 images/s at
its best batch size, `tutorial` 3 times the reference, other models 0.8 times their own captured step.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import pytorch_lightning as pl
import torch
import torch.nn.functional as F

from tests.benchmarks.training_speed import BATCH, TutorialViT, tutorial_loader
from vitcore.config import make_config
from vitcore.runs.metrics import read_scalars
from vitcore.training import train
from vitcore.training.capture import WARM_UP, Recording, record_cuda
from vitcore.training.module import Classifier
from vitcore.training.optim import make_optimizer
from vitcore.training.setup import make_trainer, precision_of, prepare, quiet

Settings = dict[str, object]
MODERN: dict[str, Settings] = {
    "modern, batch 128": {"model": "vit"},
    "modern, batch 512": {"model": "vit", "batch_size": 512},
    "modern, batch 1024": {"model": "vit", "batch_size": 1024},
    "modern, batch 1024, all patches": {"model": "vit", "batch_size": 1024, "keep_patches": 1.0},
    "modern, batch 1024, compiled": {"model": "vit", "batch_size": 1024, "compile": True},
    "modern, batch 128, single steps": {"model": "vit", "cuda_graph": False},
    "resnet": {"model": "resnet"},
    "mixer": {"model": "mixer"},
    "preactresnet": {"model": "preactresnet"},
    "googlenet": {"model": "googlenet"},
    "densenet": {"model": "densenet"},
}
CASES = {name: ("modern", values) for name, values in MODERN.items()} | {
    "tutorial": ("tutorial", {"model": "vit"}),
}


class Reference(pl.LightningModule):
    """The tutorial's module, which logs the accuracy of each step as published."""

    def __init__(self) -> None:
        super().__init__()
        self.model = TutorialViT()
        self.times: list[float] = []

    def training_step(self, batch: tuple[torch.Tensor, torch.Tensor], index: int) -> torch.Tensor:
        images, labels = batch
        logits = self.model(images)
        self.log("train_acc", (logits.argmax(dim=-1) == labels).float().mean())
        return F.cross_entropy(logits, labels)

    def on_train_batch_end(self, *_: object) -> None:
        self.times.append(time.perf_counter())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), lr=3e-4)


def reference(device: str, steps: int) -> float:
    """Return the images/s of the tutorial's module with its loader."""
    module = Reference()
    accelerator = {"cuda": "gpu"}.get(device, device)
    trainer = pl.Trainer(
        accelerator=accelerator,
        devices=1,
        max_steps=steps,
        max_epochs=-1,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
    )
    trainer.fit(module, tutorial_loader())
    late = module.times[len(module.times) // 2 :]
    return BATCH * (len(late) - 1) / (late[-1] - late[0])


def end_to_end(recipe: str, settings: Settings, device: str, steps: int) -> tuple[float, float]:
    """Return the images/s of a training of two epochs, and its last training loss."""
    config = make_config(
        recipe,
        **{
            "data": "cifar10-mini",
            "device": device,
            "epochs": 2,
            "steps_per_epoch": steps,
            "cuda_graph": True,
            **settings,
        },
    )
    run = train(config, progress=False)
    assert run is not None, "one process trains"
    curve = read_scalars(run.path)["train_loss"]
    late = curve.steps > 1.25 * steps  # of the second epoch, without validation and the first steps
    spent = curve.times[late][-1] - curve.times[late][0]
    count = int(curve.steps[late][-1] - curve.steps[late][0])
    return config.batch_size * count / spent, float(curve.values[-1])


def captured(recipe: str, settings: Settings, device: str, repeats: int) -> float:
    """Return the images/s of a recorded step on a fixed batch."""
    config = make_config(recipe, **{"data": "cifar10-mini", "device": device, "full_epochs": 0, **settings})
    trainer = make_trainer(config, progress=False)
    where = trainer.strategy.root_device
    module = Classifier(prepare(config), config).to(where).train()
    images = torch.randn(config.batch_size, 3, 32, 32, device=where)
    batch = images, torch.randint(0, 10, (config.batch_size,), device=where)
    optimizer = make_optimizer(module.model, config)
    for group in optimizer.param_groups:
        group["lr"] = torch.tensor(1e-3, device=where)
    with torch.autocast(where.type, torch.bfloat16, enabled=precision_of(config) == "bf16-mixed"):
        for _ in range(WARM_UP):
            optimizer.zero_grad()
            module.loss(batch).backward()
            optimizer.step()
        step = Recording(module, optimizer, batch, record_cuda if where.type == "cuda" else lambda done: done)
        step(batch)
        wait(where)
        began = time.perf_counter()
        for _ in range(repeats):
            step(batch)
        wait(where)
    return config.batch_size * repeats / (time.perf_counter() - began)


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {'; '.join(CASES)}. Default: all")
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--steps", type=int, default=1500, help="of an epoch; each case trains two")
    given = parser.parse_args()
    if unknown := set(given.names) - set(CASES):
        parser.error(f"unknown case {unknown.pop()!r}")
    quiet()
    base = reference(given.device, 2 * given.steps)
    print(f"reference: the tutorial's module with its loader, {base:,.0f} images/s", flush=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ["VITLAB_RUNS"] = str(Path(folder) / "runs")
        for name in given.names or CASES:
            recipe, settings = CASES[name]
            try:
                rate, loss = end_to_end(recipe, settings, given.device, given.steps)
                most = captured(recipe, settings, given.device, max(5, given.steps // 10))
            except Exception as error:  # the other cases are still measured
                print(f"{name}: {type(error).__name__}: {str(error).splitlines()[:1]}", flush=True)
                continue
            print(
                f"{name}: {rate:,.0f} images/s, {rate / base:.2f} of the reference, {rate / most:.2f} of its "
                f"captured step ({most:,.0f}); training loss {loss:.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
