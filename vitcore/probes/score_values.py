"""The typed values of the probes `test` and `speed`, exactly as they are stored as JSON. No torch.

None means that a value was not measured.
"""

from __future__ import annotations

from collections.abc import Iterator

from vitcore.probes.estimates import Count, Number, Record, Share, binomial_error
from vitcore.probes.shapes import Row
from vitcore.probes.values import Values


class ClassAccuracy(Record):
    """Per class: the accuracy, its standard error, and the number of images."""

    mean: list[Share]
    error: list[Share]
    count: list[Count]


class Calibration(Record):
    """The expected calibration error, and per bin of confidence: predictions, mean confidence, accuracy."""

    bins: Count
    ece: Share
    count: list[Count]
    confidence: list[Share]
    accuracy: list[Share]


class TrainingScores(Record):
    """Scores on images that the model was trained on."""

    accuracy: Share
    loss: Number
    images: Count

    @property
    def error(self) -> float:
        """The standard error of the accuracy."""
        return binomial_error(self.accuracy, self.images)


class TestScores(Values):
    """Predictions on test images, one per image, and the scores that follow from them.

    `confidence` and `truth_probability` are in units of 1 / `vitcore.probes.scores.SCALE`. `training` is None
    if the training images are not on the machine.
    """

    __test__ = False  # pytest: not a test class

    classes: list[str]
    accuracy: Share
    loss: Number
    confusion: list[list[Count]]  # [truth][predicted]
    class_accuracy: ClassAccuracy
    calibration: Calibration
    parameters: int
    multiply_adds: int  # of one image
    training: TrainingScores | None
    truth: list[int]
    predicted: list[int]
    confidence: list[int]
    truth_probability: list[int]

    @property
    def error(self) -> float:
        """The standard error of the accuracy."""
        return binomial_error(self.accuracy, len(self.truth))

    @property
    def gap(self) -> tuple[float, float] | None:
        """Training accuracy minus test accuracy, and its standard error; None without training images."""
        if self.training is None:
            return None
        return self.training.accuracy - self.accuracy, (self.training.error**2 + self.error**2) ** 0.5

    def rows(self) -> Iterator[Row]:
        """Yield the scores. The predictions are only in the JSON."""
        yield _row("accuracy", self.accuracy, self.error)
        yield _row("cross-entropy", self.loss)
        yield _row(f"expected calibration error, {self.calibration.bins} bins", self.calibration.ece)
        if self.training:
            name = f"accuracy, {self.training.images:,} training images"
            yield _row(name, self.training.accuracy, self.training.error)
        if self.gap:
            yield _row("gap, training minus test", *self.gap)
        yield _row("parameters", self.parameters)
        yield _row("multiply-adds of an image", self.multiply_adds)
        each = self.class_accuracy
        for name, mean, error in zip(self.classes, each.mean, each.error, strict=True):
            yield _row(f"accuracy, {name}", mean, error)


class TrainingSpeed(Record):
    """The speed of the run's own training, as the median of `counted` steps."""

    data: str
    batch: int
    images_per_s: float
    memory_bytes: int
    counted: int
    others: float


class Speed(Values):
    """Inference and training on this machine. `no_training` says why `training` is None."""

    images_per_s: float
    batch: int
    batches: int
    memory_bytes: int
    base_bytes: int  # used by torch without the model
    others: float  # share of CPU time used by other programs
    threads: int
    training: TrainingSpeed | None
    no_training: str | None = None

    def rows(self) -> Iterator[Row]:
        """Yield inference, then training."""
        yield _row("images per s", self.images_per_s)
        yield _row("batch", self.batch)
        yield _row("memory bytes", self.memory_bytes)
        yield _row("base bytes", self.base_bytes)
        yield _row("others", self.others)
        if training := self.training:
            yield _row("training, batch", training.batch)
            yield _row("training, images per s", training.images_per_s)
            yield _row("training, memory bytes", training.memory_bytes)
            yield _row("training, steps", training.counted)
            yield _row("training, others", training.others)


def _row(quantity: str, mean: float, error: float | str = "") -> Row:
    return {"quantity": quantity, "mean": mean, "error": error}
