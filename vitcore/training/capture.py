"""Record whole training steps as CUDA graphs: forward, loss, backward, clipping and update in one launch.

A small model trains faster on a GPU than Python can launch its kernels. Measured on an H200: about 30 ms of
launches for 3 ms of work. A graph is recorded once per shape of batch, and then replayed. Its inputs, its
outputs and the learning rate are tensors that keep their places in memory.

Where steps cannot be recorded (on CPUs and MPS, with several ranks, with SAM, or when recording fails), the
training continues with single steps and the same results.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from vitcore.errors import first_line
from vitcore.training.module import Batch, Learner

# single steps before a recording, in which libraries choose their kernels and the optimizer makes its state
WARM_UP = 3
Record = Callable[[Callable[[], None]], Callable[[], object]]  # a step -> the function that repeats it


def record_cuda(step: Callable[[], None]) -> Callable[[], object]:
    """Record the kernels that `step` launches, without running them. Return the function that runs them."""
    graph = torch.cuda.CUDAGraph()
    torch.cuda.synchronize()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


class Recording:
    """A recorded step for batches of one shape."""

    def __init__(
        self, module: Learner, optimizer: torch.optim.Optimizer, batch: Batch, record: Record
    ) -> None:
        images, labels = batch
        self.images, self.labels = torch.empty_like(images), torch.empty_like(labels)
        self.last = {name: torch.zeros_like(value) for name, value in module.last.items()}
        kind = images.device.type
        mixed = {"enabled": torch.is_autocast_enabled(kind), "dtype": torch.get_autocast_dtype(kind)}

        def step() -> None:
            with torch.autocast(kind, **mixed, cache_enabled=False):  # the cache would outlive the recording
                loss = module.loss((self.images, self.labels))
            with torch.autocast(kind, enabled=False):
                loss.backward()
                module.clip_gradients()
                optimizer.step()
            for name, value in module.last.items():
                self.last[name].copy_(value)
            optimizer.zero_grad()  # the gradients belong to the recording

        optimizer.zero_grad()
        with recordable(optimizer):
            self.repeat = record(step)

    def __call__(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Train on a batch. Return its loss and accuracy, in tensors that the next call overwrites."""
        images, labels = batch
        self.images.copy_(images, non_blocking=True)
        self.labels.copy_(labels, non_blocking=True)
        self.repeat()
        return self.last


@contextlib.contextmanager
def recordable(optimizer: torch.optim.Optimizer) -> Iterator[None]:
    """Set the flag `capturable`, without which torch's optimizers refuse to be recorded.

    It is set only during the recording, because other steps with the flag cause a warning.
    """
    groups = optimizer.param_groups
    before = [group.get("capturable") for group in groups]
    for group in groups:
        group["capturable"] = True
    try:
        yield
    finally:
        for group, value in zip(groups, before, strict=True):
            if value is None:
                del group["capturable"]
            else:
                group["capturable"] = value


class Recorder(Callback):
    """Let the module train with recorded steps where that is possible.

    `record` is replaced in tests, which have no GPU.
    """

    def __init__(self, log_line: Callable[[str], None], record: Record | None = None) -> None:
        self.log_line, self.record = log_line, record
        self.recordings: dict[tuple, Recording] = {}
        self.seen: Counter[tuple] = Counter()

    def on_train_start(self, trainer: pl.Trainer, module: Learner) -> None:
        wanted = module.device.type == "cuda" and module.config.cuda_graph
        if self.record is None and wanted:
            self.record = record_cuda
        if self.record is not None and module.sam is not None:
            # its second pass repeats the random numbers of the first, which a recording cannot
            self.log_line("Steps are not recorded as CUDA graphs, because a step of SAM takes two passes.")
        elif self.record is not None and trainer.world_size == 1:
            module.recorder = self
            # a schedule fills a tensor instead of replacing it
            for group in trainer.optimizers[0].param_groups:
                group["lr"] = torch.as_tensor(group["lr"], dtype=torch.float32, device=module.device)
        elif wanted and trainer.is_global_zero:
            self.log_line("Steps are not recorded as CUDA graphs, because several devices train together.")

    def on_train_end(self, trainer: pl.Trainer, module: Learner) -> None:
        self._release(module)

    def on_exception(self, trainer: pl.Trainer, module: Learner, exception: BaseException) -> None:
        self._release(module)

    def _release(self, module: Learner) -> None:
        """Free the memory of the recordings, which the test of the weights may need."""
        module.recorder = None
        self.recordings.clear()

    def step(self, module: Learner, batch: Batch) -> bool:
        """Train on a batch with a recorded step. Return whether that was possible."""
        images, labels = batch
        key = (tuple(images.shape), tuple(labels.shape), labels.dtype, module.drops_patches())
        if key not in self.recordings:
            self.seen[key] += 1
            if self.seen[key] <= WARM_UP or not self._record(module, key, batch):
                return False
        module.last = self.recordings[key](batch)
        return True

    def _record(self, module: Learner, key: tuple, batch: Batch) -> bool:
        assert self.record is not None, "only then is the module given this recorder"
        optimizer = module.trainer.optimizers[0]
        try:
            self.recordings[key] = Recording(module, optimizer, batch, self.record)
        except RuntimeError as error:  # an operation that cannot be recorded, or too little memory
            reason = first_line(error)
            self.log_line(f"The training continues without CUDA graphs, because recording failed: {reason}")
            self._release(module)
            optimizer.zero_grad()
            return False
        return True

    def on_save_checkpoint(self, trainer: pl.Trainer, module: Learner, checkpoint: dict) -> None:
        """Store rates as numbers, so that the training can be resumed on any device."""
        for optimizer in checkpoint["optimizer_states"]:
            for group in optimizer["param_groups"]:
                group["lr"] = float(group["lr"])
        for schedule in checkpoint["lr_schedulers"]:
            schedule["_last_lr"] = [float(rate) for rate in schedule["_last_lr"]]
