"""The Lightning module of a pretraining without labels, and its reconstructions of eight fixed images.

Training masks other patches in every step. Validation and test mask the same patches of an image every time,
so that their losses can be compared.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from pytorch_lightning.callbacks import Callback
from safetensors.torch import load_file

from vitcore.config import Config
from vitcore.data.augment import normalize
from vitcore.data.datasets import Split
from vitcore.data.loader import make_loader
from vitcore.models.evaluate import batch_for
from vitcore.networks.masked import Masks, decoder_for, encode, masks_of, pasted, reconstruction_loss
from vitcore.networks.vit import ViT
from vitcore.preprocessing import preprocessing_of
from vitcore.pretraining import HEAD_WIDTH, visible_count
from vitcore.runs.folder import Run
from vitcore.runs.predictions import choose
from vitcore.runs.reconstructions import Reconstructions, read_reconstructions, write_reconstructions
from vitcore.runs.status import ScoreName, Scores
from vitcore.training.module import Batch, Learner

LARGEST = 128  # pixels per side of a stored picture, as wide as pages show it; larger ones are averaged


class Reconstructor(Learner):
    """Train a ViT as the encoder of a masked autoencoder. Log val_loss and measure test_loss.

    Both are mean squared errors of masked patches. Labels are ignored. `model` is the encoder, so that its
    weights are written as those of any other model.
    """

    selected_by: ClassVar[ScoreName] = "val_loss"
    better: ClassVar[int] = -1

    def __init__(self, model: ViT, config: Config) -> None:
        decoder = decoder_for(
            model, dim=config.decoder_dim, layers=config.decoder_layers, head_width=HEAD_WIDTH
        )
        super().__init__(model, config, decoder)
        self.encoder = (model,)  # in a tuple, so that its weights are not registered twice

    @property
    def loss_of_guessing(self) -> float:
        return 1.0  # the variance of a normalized patch

    def predict(self, images: torch.Tensor, masks: Masks) -> torch.Tensor:
        """Return predicted patches, normalized. Normalized images [B, 3, S, S] -> [B, N, 3 P^2]"""
        assert self.decoder is not None, "a masked autoencoder has a decoder"
        return self.decoder(encode(self.encoder[0], images, masks.visible), masks)

    def masks(self, noise: torch.Tensor) -> Masks:
        """Return the masks of the configured ratio. Random numbers [B, N] decide which patches are masked."""
        return masks_of(noise, visible_count(noise.shape[1], self.config.mask_ratio))

    def fixed_masks(self, number: int, images: torch.Tensor) -> Masks:
        """Return the masks of a batch of held-out images [B, 3, S, S], which has this number.

        They depend only on the seed of the training, and are the same on all devices.
        """
        generator = np.random.default_rng((self.config.seed, number))
        noise = generator.random((len(images), self.encoder[0].grid ** 2), dtype=np.float32)
        return self.masks(torch.from_numpy(noise).to(images.device))

    def loss_of(self, images: torch.Tensor, masks: Masks) -> torch.Tensor:
        """Return the loss of normalized images [B, 3, S, S] with these masks. []"""
        return reconstruction_loss(self.predict(images, masks), images, self.encoder[0].patch_size, masks)

    def loss(self, batch: Batch) -> torch.Tensor:
        images, _ = batch
        loss = self.loss_of(
            images, self.masks(torch.rand(len(images), self.encoder[0].grid ** 2, device=images.device))
        )
        if self.sam is None or not self.sam.before:  # not at the weights uphill, which are not the model's
            self.last = {"train_loss": loss.detach()}
        return loss

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        images, _ = batch
        self.log_scores(len(images), val_loss=self.loss_of(images, self.fixed_masks(batch_index, images)))

    @torch.inference_mode()
    def measure(self, split: Split, device: torch.device) -> Scores:
        self.to(device).eval()
        size, total = split.images.shape[-1], 0.0
        loader = make_loader(
            split,
            batch_for(size),
            train=False,
            device=device,
            preprocessing=preprocessing_of(self.encoder[0]),
        )
        for number, (images, _) in enumerate(loader):
            total += len(images) * float(self.loss_of(images, self.fixed_masks(number, images)))
        return {"test_loss": total / len(split)}

    def load_decoder(self, file: Path) -> None:
        """Load the weights of the decoder that `Keeper` wrote with the best weights of the model."""
        assert self.decoder is not None, "a masked autoencoder has a decoder"
        self.decoder.load_state_dict(load_file(file))


class ReconstructionRecorder(Callback):
    """Write predictions/reconstructions.npz for the untrained model and after each validation.

    Only rank 0 has this callback. It does not affect the training, and a full disk does not end the training.
    """

    def __init__(self, run: Run, held: Split) -> None:
        self.run = run
        self.images = held.images[choose(held.labels)]
        self.recorded: Reconstructions | None = None

    def on_train_start(self, trainer: pl.Trainer, module: Reconstructor) -> None:
        earlier = read_reconstructions(self.run.path) if trainer.global_step else None
        images, visible = self._images(module)
        if earlier and np.array_equal(earlier.images, images) and np.array_equal(earlier.visible, visible):
            self.recorded = earlier.until(trainer.global_step)  # later ones were discarded by the resume
        else:
            self.recorded = Reconstructions.begin(images, visible)
            self._record(trainer, module)

    def on_validation_end(self, trainer: pl.Trainer, module: Reconstructor) -> None:
        if not trainer.sanity_checking:
            self._record(trainer, module)

    def _images(self, module: Reconstructor) -> tuple[np.ndarray, np.ndarray]:
        """Return the pictures uint8 [8, 3, s, s], and which patches are visible, bool [8, N]."""
        images = torch.from_numpy(self.images)
        visible = np.zeros((len(images), module.encoder[0].grid ** 2), dtype=bool)
        np.put_along_axis(visible, module.fixed_masks(0, images).visible.numpy(), values=True, axis=1)
        return stored_pictures(images.float()), visible

    @torch.no_grad()
    def _record(self, trainer: pl.Trainer, module: Reconstructor) -> None:
        assert self.recorded is not None, "set at the start of the training"
        training, preprocessing = module.training, module.config.preprocessing
        module.eval()  # no dropout, so no random numbers are drawn
        images = normalize(torch.from_numpy(self.images).to(module.device), preprocessing)
        masks = module.fixed_masks(0, images)
        restored = pasted(module.predict(images, masks).float(), images, module.encoder[0].patch_size, masks)
        module.train(training)
        if not bool(restored.isfinite().all()):
            return
        mean, std = (restored.new_tensor(v)[:, None, None] for v in (preprocessing.mean, preprocessing.std))
        pictures = stored_pictures(255 * (restored * std + mean))
        epoch = trainer.global_step / max(1, trainer.num_training_batches)
        self.recorded = self.recorded.with_moment(trainer.global_step, epoch, pictures)
        try:
            write_reconstructions(self.run.path, self.recorded)
        except OSError as error:
            print(f"the reconstructions could not be written: {error.strerror}", file=sys.stderr, flush=True)


def stored_pictures(values: torch.Tensor) -> np.ndarray:
    """Return pixels 0 to 255 as stored pictures. float [N, 3, S, S] -> uint8 [N, 3, s, s], s <= `LARGEST`"""
    if (factor := -(-values.shape[-1] // LARGEST)) > 1:
        values = F.avg_pool2d(values, factor)
    return values.round().clamp(0, 255).byte().cpu().numpy()
