"""Record the model's predictions for eight fixed validation images after every epoch, to show it learning."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from vitcore.data.augment import normalize
from vitcore.data.datasets import Split
from vitcore.models.start import head_features, head_logits
from vitcore.runs.folder import Run
from vitcore.runs.predictions import Predictions, choose, read_predictions, write_predictions
from vitcore.training.module import Classifier, Learner


class PredictionRecorder(Callback):
    """Write predictions/eight.npz for the untrained model and after each validation, on rank 0 only.

    It does not affect the training, and a full disk does not end the training.
    """

    def __init__(self, run: Run, held: Split, classes: tuple[str, ...]) -> None:
        self.run = run
        chosen = choose(held.labels)
        self.images = held.images[chosen]
        empty = np.zeros((0, len(chosen), len(classes)), np.float32)
        truth = held.labels[chosen].astype(np.int64)
        self.features: torch.Tensor | None = None  # of the images, [8, heads, F], if the backbone is frozen
        self.predictions = Predictions(
            self.images, truth, tuple(classes), np.zeros(0, np.int64), np.zeros(0), empty
        )

    def on_train_start(self, trainer: pl.Trainer, module: Learner) -> None:
        earlier = read_predictions(self.run.path)
        if trainer.global_step and earlier and np.array_equal(earlier.images, self.images):
            kept = earlier.steps <= trainer.global_step  # later ones were discarded by the resume
            self.predictions = replace(
                earlier,
                steps=earlier.steps[kept],
                epochs=earlier.epochs[kept],
                probabilities=earlier.probabilities[kept],
            )
        else:
            self._record(trainer, module)

    def on_validation_end(self, trainer: pl.Trainer, module: Learner) -> None:
        if not trainer.sanity_checking:
            self._record(trainer, module)

    def _logits(self, module: Learner) -> torch.Tensor:
        """Return the logits of the images, [8, classes]. A frozen backbone is applied to them only once."""
        heads = module.heads if isinstance(module, Classifier) else []
        if self.features is not None:
            return head_logits(heads, self.features)
        images = normalize(torch.from_numpy(self.images).to(module.device), module.config.preprocessing)
        if heads and (features := head_features(module.model, heads, images)) is not None:
            self.features = features
            return head_logits(heads, features)
        return module.model(images)

    @torch.no_grad()
    def _record(self, trainer: pl.Trainer, module: Learner) -> None:
        training = module.model.training
        module.model.eval()  # no dropout, so no random numbers are drawn
        logits = self._logits(module)
        module.model.train(training)
        epoch = trainer.global_step / max(1, trainer.num_training_batches)
        probabilities = logits.float().softmax(dim=1).cpu().numpy()
        if not np.isfinite(probabilities).all():
            return
        self.predictions = self.predictions.with_moment(trainer.global_step, epoch, probabilities)
        try:
            write_predictions(self.run.path, self.predictions)
        except OSError as error:
            print(
                f"the eight predictions could not be written: {error.strerror}", file=sys.stderr, flush=True
            )
