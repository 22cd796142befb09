"""The Lightning modules of trainings: what all have in common, and that of any image classifier.

They are independent of the run folder and the page. `vitcore.training.masked` has the module of a pretraining
without labels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from torch import nn
from torchmetrics.classification import MulticlassAccuracy

from vitcore.config import Config
from vitcore.data.datasets import Split
from vitcore.models.evaluate import evaluate
from vitcore.models.start import freeze, head_layers, head_logits, head_names
from vitcore.runs.status import ScoreName, Scores
from vitcore.training.budget import max_epochs
from vitcore.training.optim import make_optimizer, rate_factor
from vitcore.training.sam import SharpnessAware

if TYPE_CHECKING:
    from vitcore.training.capture import Recorder

# images [B, 3, S, S], or features of a frozen backbone [B, heads, F]; labels [B], or probabilities
# [B, classes] if the images are mixed
Batch = tuple[torch.Tensor, torch.Tensor]


def compiler_errors() -> tuple[type[Exception], ...]:
    """Return the exceptions with which torch.compile reports that it cannot compile a model.

    torch exports these classes from private modules only. Their import can take seconds: call this function
    only after an error.
    """
    from torch._dynamo.exc import TorchDynamoException  # includes those of the backends, such as Inductor
    from torch._inductor.exc import CppCompileError, InvalidCxxCompiler

    return TorchDynamoException, CppCompileError, InvalidCxxCompiler


class Learner(pl.LightningModule):
    """Train `model`, and a `decoder` that helps in training only. A subclass has the loss and the scores.

    Callbacks log the training scalars. `last` holds those of the latest batch as tensors on the device.
    `selected_by` names the score by which the best weights are selected, and `better` is its sign: 1 if a
    higher one is better, else -1.
    """

    selected_by: ClassVar[ScoreName] = "val_acc"
    better: ClassVar[int] = 1

    def __init__(self, model: nn.Module, config: Config, decoder: nn.Module | None = None) -> None:
        super().__init__()
        self.model, self.config, self.decoder = model, config, decoder
        trained = model if decoder is None else nn.ModuleList([model, decoder])
        self.sam = SharpnessAware(trained, config.sam_rho) if config.sam_rho else None
        self.last: dict[str, torch.Tensor] = {}
        self.recorder: Recorder | None = None  # takes recorded steps, where that is possible
        self.share = 0.0  # used share of the time budget, if there is one (`training.budget`)

    @property
    def loss_of_guessing(self) -> float:
        """The loss of a model that has learned nothing."""
        raise NotImplementedError

    def loss(self, batch: Batch) -> torch.Tensor:
        """Return the loss of a batch [], and keep what the curves show of it in `last`."""
        raise NotImplementedError

    def measure(self, split: Split, device: torch.device) -> Scores:
        """Return the scores on the images of a split, such as test_loss. The model stays on the device."""
        raise NotImplementedError

    def training_step(self, batch: Batch, batch_index: int) -> torch.Tensor | None:
        if self.recorder and self.recorder.step(self, batch):
            return None  # the recorded step has updated the weights: nothing is left for Lightning to do
        if self.sam is None:
            return self.loss(batch)
        return self.sam.loss(lambda: self.loss(batch), self.device)

    def on_after_backward(self) -> None:
        if self.sam is not None:
            self.sam.restore()

    def drops_patches(self) -> bool:
        """Return whether the model sees only a share of the patches in the current epoch."""
        config = self.config
        epoch = self.share * config.epochs if config.minutes else self.current_epoch
        return config.keep_patches < 1 and epoch < config.epochs - config.full_epochs

    def log_scores(self, count: int, **values: torch.Tensor | MulticlassAccuracy) -> None:
        """Log the scores of a batch of `count` validation images, to average them over the epoch."""
        for name, value in values.items():
            self.log(
                name,
                value,
                on_step=False,
                on_epoch=True,
                batch_size=count,
                logger=False,
                prog_bar=True,
                sync_dist=self.trainer.world_size > 1,  # every rank validates all images: equal values
            )

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        *_: object,
        **__: object,
    ) -> None:
        """Clip gradients by norm.

        Lightning's own method rejects fused optimizers under mixed precision, a restriction that only the
        gradient scaler of float16 needs.
        """
        self.clip_gradients()

    def clip_gradients(self) -> None:
        """Scale the gradients down to the norm `clip_norm`, if there is such a limit."""
        if self.config.clip_norm:
            torch.nn.utils.clip_grad_norm_(self.parameters(), self.config.clip_norm)

    def configure_optimizers(self) -> dict:
        optimizer = make_optimizer(self.model, self.config, self.decoder)
        steps_per_epoch = int(self.trainer.estimated_stepping_batches) // max_epochs(self.trainer)
        by_step = rate_factor(self.config, steps_per_epoch)
        total = self.config.epochs * steps_per_epoch

        def factor(step: int) -> float:
            return by_step(int(self.share * total) if self.config.minutes else step)

        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class Classifier(Learner):
    """Train `model` with cross-entropy. Log val_loss and val_acc; measure test_loss and test_acc.

    With `freeze`, only the head is trained, and the backbone stays in evaluation mode: without dropout, and
    with the statistics of its normalization.
    """

    def __init__(self, model: nn.Module, config: Config) -> None:
        super().__init__(model, config)
        self.compiled: Callable[..., torch.Tensor] | None = None
        if config.compile:  # only the method, so that the names in checkpoints do not change
            self.compiled = torch.compile(model.forward)
        self.heads: list[nn.Module] = []  # of a frozen backbone
        if config.freeze:
            names = head_names(config)
            freeze(model, names)
            self.heads = head_layers(model, names)
            model.eval()
        self.accuracy = MulticlassAccuracy(num_classes=config.num_classes, average="micro")

    @property
    def loss_of_guessing(self) -> float:
        return math.log(max(2, self.config.num_classes))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Normalized images [B, 3, S, S] -> logits [B, classes]"""
        return self.model(images)

    def train(self, mode: bool = True) -> Classifier:
        """Change the mode of the module, but not that of a frozen backbone."""
        super().train(mode)
        if self.config.freeze:
            self.model.eval()
        return self

    def loss(self, batch: Batch) -> torch.Tensor:
        """Return the loss of a batch [], and keep it and the accuracy in `last`."""
        images, labels = batch
        config = self.config
        logits = self._logits(images, **({"keep": config.keep_patches} if self.drops_patches() else {}))
        loss = F.cross_entropy(logits, labels, label_smoothing=config.label_smoothing)
        if self.sam is not None and self.sam.before:
            return loss  # at the weights uphill, which are not the model's
        truth = labels.argmax(dim=1) if labels.ndim == 2 else labels  # mixed images: the larger share
        hits = (logits.detach().argmax(dim=1) == truth).float().mean()
        self.last = {"train_loss": loss.detach(), "train_acc": hits}
        return loss

    def _logits(self, images: torch.Tensor, **options: float) -> torch.Tensor:
        """Return the logits of the compiled model, or of the model itself if the compiler fails.

        Errors of the model, such as too little memory or images of a wrong shape, are raised.
        """
        if images.ndim != 4:
            return head_logits(self.heads, images)
        failure = ""
        if self.compiled is not None:
            try:
                return self.compiled(images, **options)
            except compiler_errors() as error:
                failure = type(error).__name__
        logits = self.model(images, **options)
        if failure:  # of the compiler alone, because the model works without it
            self.compiled = None
            print(f"The training continues without torch.compile, which failed ({failure}).", flush=True)
        return logits

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        images, labels = batch
        logits = self.model(images) if images.ndim == 4 else head_logits(self.heads, images)
        self.accuracy(logits, labels)
        self.log_scores(len(labels), val_loss=F.cross_entropy(logits, labels), val_acc=self.accuracy)

    def measure(self, split: Split, device: torch.device) -> Scores:
        score = evaluate(self.model, split, device)
        return {"test_acc": score.accuracy, "test_loss": score.loss}
