"""Create the model, the data loaders and Lightning's trainer for a training or a rehearsal."""

from __future__ import annotations

import logging
import sys
import warnings
from pathlib import Path
from typing import Literal

import pytorch_lightning as pl
import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning.callbacks import TQDMProgressBar
from torch.utils.data import DataLoader

from vitcore.config import Config
from vitcore.data import Dataset, split_indices
from vitcore.data.augment import subset
from vitcore.data.datasets import Split
from vitcore.data.decoded import keep_for_training
from vitcore.data.loader import make_loader
from vitcore.errors import UserError
from vitcore.models import build_for
from vitcore.models.evaluate import batch_for
from vitcore.models.start import load_start
from vitcore.networks.vit import ViT
from vitcore.runs import process
from vitcore.training.budget import FOREVER
from vitcore.training.masked import Reconstructor
from vitcore.training.module import Classifier, Learner
from vitcore.training.ranks import check_launcher, rank_of, world_of
from vitcore.training.storage import DurableIO


def prepare(config: Config, start: Path | None = None) -> torch.nn.Module:
    """Return the untrained model of a configuration, in the form that trains fastest.

    Its backbone has the weights in the file `start`, if there is one. Raise `UserError` if they do not fit.
    """
    model = build_for(config)
    if start is not None:
        load_start(model, config, start)
    if any(isinstance(m, torch.nn.Conv2d) for m in model.modules()):
        model = model.to(memory_format=torch.channels_last)  # measured 1.4x on two cores for the ResNet
    return model


def learner_of(model: torch.nn.Module, config: Config) -> Learner:
    """Return the Lightning module that trains a model as configured: with labels or without."""
    if not config.mask_ratio:
        return Classifier(model, config)
    assert isinstance(model, ViT), "the configuration refuses other models"
    return Reconstructor(model, config)


def precision_of(config: Config) -> Literal["bf16-mixed", "32-true"]:
    """Return Lightning's name of the precision. `auto` means bfloat16 mixed on CUDA devices that support it.

    Elsewhere `auto` means float32, because on CPUs bfloat16 was measured at half the speed.
    """
    wanted = config.precision
    if wanted == "auto":
        cuda = config.device in ("auto", "cuda") and torch.cuda.is_available()
        able = cuda and torch.cuda.is_bf16_supported(including_emulation=False)
        wanted = "bfloat16" if able else "float32"
    return "bf16-mixed" if wanted == "bfloat16" else "32-true"


def make_trainer(config: Config, *, progress: bool) -> pl.Trainer:
    """Return Lightning's trainer. The caller adds callbacks and logger."""
    accelerator = {"cuda": "gpu"}.get(config.device, config.device)
    check_launcher(config)
    if torch.get_num_threads() > process.processors():  # torch does not know a container's quota
        torch.set_num_threads(process.processors())
    try:
        trainer = pl.Trainer(
            accelerator=accelerator,
            precision=precision_of(config),
            devices=config.devices,
            num_nodes=config.nodes,
            strategy="ddp" if world_of(config) > 1 else "auto",
            sync_batchnorm=world_of(config) > 1 and config.device != "cpu" and torch.cuda.is_available(),
            max_epochs=FOREVER if config.minutes else config.epochs,
            gradient_clip_val=config.clip_norm or None,
            enable_checkpointing=False,
            enable_model_summary=False,
            enable_progress_bar=progress,
            callbacks=[TQDMProgressBar(refresh_rate=10)] if progress else [],
            plugins=[DurableIO()],
            logger=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
            log_every_n_steps=1,  # our callbacks decide what is logged
            benchmark=config.device != "cpu",
        )
    except (MisconfigurationException, ValueError, RuntimeError) as error:
        if config.device != "auto" and world_of(config) == 1:
            raise UserError(
                f"This machine has no {config.device} device: choose --device auto or cpu."
            ) from None
        raise UserError(
            f"These devices cannot be used ({first_line(error)}): change --device, --devices or --nodes."
        ) from None
    if trainer.strategy.root_device.type == "cuda":
        torch.set_float32_matmul_precision(config.matmul)
    return trainer


def callbacks_of(trainer: pl.Trainer) -> list[pl.Callback]:
    """Return the trainer's own list of callbacks, so that callers can change it."""
    # Lightning's connector sets the attribute, which the class of the trainer does not declare.
    return trainer.callbacks  # pyright: ignore[reportAttributeAccessIssue]


def quiet() -> None:
    """Silence Lightning's hints about worker processes, loader states and tensor cores."""
    for pattern in (
        ".*does not have many workers.*",
        ".*your dataloader is not resumable.*",
        ".*isinstance.*LeafSpec.*",
        ".*but have no `val_dataloader`.*",
        ".*in eval mode at the start of training.*",  # as a frozen backbone shall be
    ):
        warnings.filterwarnings("ignore", message=pattern)
    warnings.filterwarnings("ignore", message=".*`training_step` returned.*")
    for name in ("pytorch_lightning", "lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    sys.stdout.flush()


def first_line(error: BaseException) -> str:
    """Return an error as one line: its type and the first line of its message."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"


def parts(data: Dataset, config: Config) -> tuple[Split, Split]:
    """Return the (training, validation) splits of a dataset, with the configured share of training images."""
    train, held = split_indices(data)
    train = train[subset(data.train.labels[train], config.train_share, config.seed)]
    return data.train.part(train), data.train.part(held)


def make_loaders(config: Config, data: Dataset, device: torch.device) -> tuple[DataLoader, DataLoader]:
    """Return (training, validation) loaders on a device. Each rank gets its share of the training batches."""
    keep_for_training()
    train_part, val_part = parts(data, config)
    loader = make_loader(
        train_part,
        config.batch_size,
        train=True,
        policy=config.augment,
        seed=config.seed,
        device=device,
        mixup=config.mixup,
        cutmix=config.cutmix,
        classes=len(data.classes),
        rank=rank_of(config),
        world=world_of(config),
        length=config.steps_per_epoch,
        preprocessing=config.preprocessing,
    )
    held = make_loader(
        val_part,
        batch_for(data.size),
        train=False,
        device=device,
        preprocessing=config.preprocessing,
    )
    return loader, held
