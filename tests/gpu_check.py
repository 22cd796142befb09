"""What only a machine with an accelerator can show, in a table of passes and failures, in under five minutes:

    python -m tests.gpu_check [--device cuda] [names...]

Runs go into a folder that is removed afterwards. The exit code is the number of failures. On a CPU the checks
that mean something there run too (`--device cpu`).
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytorch_lightning as pl
import torch

from vitcore.config import make_config
from vitcore.data import load_dataset
from vitcore.data.loader import make_loader
from vitcore.errors import UserError
from vitcore.models import load_run
from vitcore.paths import runs_dir
from vitcore.queue import launch as background
from vitcore.runs.folder import Run, list_runs
from vitcore.runs.metrics import read_scalars
from vitcore.training import train
from vitcore.training.capture import Recorder
from vitcore.training.module import Classifier
from vitcore.training.rehearse import rehearse
from vitcore.training.setup import make_trainer, prepare, quiet

Verdict = tuple[bool | None, str]  # passed, failed, or None: does not apply here; and why
LARGE = {"embed_dim": 512, "hidden_dim": 2048, "num_heads": 8, "num_layers": 8}
SMALL = {"embed_dim": 64, "hidden_dim": 128, "num_heads": 4, "num_layers": 2, "patch_size": 8}


class Clock(pl.Callback):
    """Images/s of the second half of a training, and the dtype and layout of what the first layers give."""

    def __init__(self, layer: torch.nn.Module, device: str) -> None:
        self.device, self.times, self.output = device, [], None
        layer.register_forward_hook(lambda _module, _inputs, output: setattr(self, "output", output.detach()))

    def on_train_batch_end(self, trainer: pl.Trainer, *_: object) -> None:
        if self.device == "cuda":
            torch.cuda.synchronize()
        self.times.append(time.perf_counter())

    def rate(self, batch: int) -> float:
        late = self.times[len(self.times) // 2 :]
        return batch * (len(late) - 1) / (late[-1] - late[0])


def timed(
    device: str, model: str = "vit", steps: int = 60, **settings: object
) -> tuple[Clock, torch.nn.Module]:
    """Train some steps through Lightning, without a run folder."""
    quiet()
    split = load_dataset("cifar10-mini").train
    config = make_config("quick", model=model, device=device, batch_size=256, keep_patches=1.0, **settings)
    config = config.model_copy(update={"epochs": -(-steps // (len(split) // config.batch_size))})
    torch.manual_seed(0)
    module = Classifier(prepare(config), config)
    clock = Clock(module.model.input_layer if model == "vit" else module.model.input_net[0], device)
    trainer = make_trainer(config, progress=False)
    trainer.callbacks.extend([Recorder(print), clock])
    loader = make_loader(
        split, config.batch_size, train=True, policy=config.augment, device=trainer.strategy.root_device
    )
    trainer.fit(module, loader)
    clock.precision = str(trainer.precision)
    return clock, module.model


def check_device(device: str) -> Verdict:
    if device == "cuda":
        if not torch.cuda.is_available():
            return False, "torch sees no CUDA device"
        card = torch.cuda.get_device_properties(0)
        return True, f"{card.name}, {card.total_memory / 2**30:.0f} GiB, capability {card.major}.{card.minor}"
    return True, f"{device}, torch {torch.__version__}"


def check_precision(device: str) -> Verdict:
    able = device == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    clock, model = timed(device, steps=3, **SMALL)
    wanted = ("bf16-mixed", torch.bfloat16) if able else ("32-true", torch.float32)
    weights = {p.dtype for p in model.parameters()}
    good = (clock.precision, clock.output.dtype) == wanted and weights == {torch.float32}
    return good, f"{clock.precision}: activations {clock.output.dtype}, weights {weights.pop()}"


def check_memory_format(device: str) -> Verdict:
    clock, model = timed(device, "resnet", steps=3)
    weight = model.input_net[0].weight.is_contiguous(memory_format=torch.channels_last)
    output = clock.output.is_contiguous(memory_format=torch.channels_last)
    return weight and output, f"channels_last: weights {weight}, activations {output}"


def check_speed(device: str) -> Verdict:
    able = device == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    large = LARGE if device == "cuda" else SMALL  # enough to do for a GPU
    fast, slow = (timed(device, precision=p, **large)[0].rate(256) for p in ("bfloat16", "float32"))
    text = f"ViT, batch 256: bfloat16 {fast:,.0f} images/s, float32 {slow:,.0f}, {fast / slow:.2f}x"
    return (fast > 1.2 * slow if able else None), text


def check_compile(device: str) -> Verdict:
    began = time.perf_counter()
    clock, model = timed(device, compile=True)
    took = time.perf_counter() - began
    eager, plain = timed(device)
    names = list(model.state_dict()) == list(plain.state_dict())
    images = torch.randn(8, 3, 32, 32, device=device)
    plain.load_state_dict(model.state_dict())
    with torch.no_grad():
        gap = (model.to(device).eval()(images) - plain.to(device).eval()(images)).abs().max().item()
    ratio = clock.rate(256) / eager.rate(256)
    kept = "kept" if names else "CHANGED"
    text = f"{ratio:.2f}x of eager, {took:.0f} s for all; logits differ by {gap:.1e}, names {kept}"
    return names and gap < 1e-3 and (device != "cuda" or ratio > 0.95), text


def check_loss(device: str) -> Verdict:
    config = make_config(
        "quick",
        model="vit",
        precision="float32",
        matmul="highest",
        epochs=2,
        batch_size=64,
        keep_patches=1.0,
        drop_path=0.0,
        **SMALL,
    )
    here, there = (train(config.model_copy(update={"device": d}), progress=False) for d in (device, "cpu"))
    ours, cpu = (read_scalars(run.path)["train_loss"].values for run in (here, there))
    gap = float(abs(ours - cpu).max())
    return (
        gap < 5e-3,
        f"float32 training loss, {len(ours)} points over 2 epochs: at most {gap:.1e} from the CPU's",
    )


def check_graph(device: str) -> Verdict:
    """Compare recorded steps with single ones: the same losses, and less time."""
    steps = {"epochs": 1, "steps_per_epoch": 50, "precision": "float32", "matmul": "highest"}
    curves, seconds = [], []
    for recorded in (True, False):
        settings = {**steps, "model": "vit", "device": device, "cuda_graph": recorded, "drop_path": 0.0}
        run = train(make_config("quick", keep_patches=1.0, **settings), progress=False)
        assert run is not None, "one process trains"
        curves.append(read_scalars(run.path)["train_loss"].values)
        seconds.append(run.status().active_s)
    gap = float(abs(curves[0] - curves[1]).max())
    recorded_s, single_s = seconds
    text = (
        f"50 steps: losses differ by {gap:.1e} at most; {recorded_s:.1f} s recorded, {single_s:.1f} s single"
    )
    return gap < 1e-4, text


def check_kill(device: str) -> Verdict:
    """Kill a launched training, and resume it."""
    run = background.launch(make_config("quick", model="vit", device=device, epochs=4, **SMALL))
    _wait_for(lambda: run.last.is_file() or _over(run))
    step = run.status().step
    psutil.Process(run.status().pid).kill()
    killed = time.monotonic()
    _wait_for(lambda: run.status().state == "failed")
    noticed = time.monotonic() - killed
    background.resume(run)
    _wait_for(lambda: _over(run) and run.status().state != "failed")
    status = run.status()
    text = (
        f"killed at step {step}, failed after {noticed:.1f} s; resumed: {status.state} at step {status.step}"
    )
    return status.state == "finished" and noticed < 10, text


def check_rehearsal(device: str) -> Verdict:
    config = make_config("quick", model="vit", device=device, epochs=3)
    predicted = rehearse(config).minutes
    began = time.monotonic()
    train(config, progress=False)
    took = (time.monotonic() - began) / 60
    return (
        0.5 < predicted / took < 2,
        f"{60 * predicted:.0f} s predicted with startup, {60 * took:.0f} s without",
    )


def check_bar(device: str) -> Verdict:
    """The progress bar must not slow the training down."""
    rates = []
    for bar in (True, False):
        config = make_config("quick", model="vit", device=device, epochs=2, steps_per_epoch=200)
        with contextlib.redirect_stderr(io.StringIO()):
            run = train(config, progress=bar)
        assert run is not None, "one process trains"
        rates.append(run.status().images_per_s or 0.0)
    ratio = rates[0] / max(1.0, rates[1])
    return ratio > 0.9, f"{rates[0]:,.0f} images/s with the bar, {rates[1]:,.0f} without, {ratio:.2f}x"


def _wait_for(condition: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"nothing happened for {seconds:.0f} s")
        time.sleep(0.05)


def check_out_of_memory(device: str) -> Verdict:
    if device != "cuda":
        return None, "only where the device has a memory of its own"
    huge = {"patch_size": 1, "embed_dim": 1024, "hidden_dim": 8192, "num_heads": 8, "num_layers": 8}
    config = make_config("quick", model="vit", device=device, batch_size=3500, keep_patches=1.0, **huge)
    with contextlib.suppress(UserError):
        train(config, progress=False)
    gc.collect()
    torch.cuda.empty_cache()
    reason = list_runs(bundled=False)[0].status().reason
    return "out of memory" in reason and "batch_size" in reason, f"the run says: {reason}"


def check_launch(device: str) -> Verdict:
    config = make_config("quick", model="vit", device=device, epochs=2, **SMALL)
    first, second = background.launch(config), background.launch(config)
    queued = waits = False
    end = time.monotonic() + 120
    while time.monotonic() < end and not all(_over(run) for run in (first, second)):
        states = first.status().state, second.status().state
        queued |= states == ("running", "queued")
        waits |= states == ("running", "running")
        time.sleep(0.1)
    ended = [run.status() for run in (first, second)]
    good = (
        all(s.state == "finished" and (s.device or "").startswith(device) for s in ended)
        and queued
        and not waits
    )
    same = _same_weights(first, second)
    return (
        good,
        f"{', '.join(f'{s.state} on {s.device} ({s.precision})' for s in ended)}; one after the other; "
        + ("equal weights" if same else "weights differ in the last digits"),
    )


def _over(run: Run) -> bool:
    return run.status().state in ("finished", "failed", "stopped", "lost")


def _same_weights(a: Run, b: Run) -> bool:
    try:
        pairs = zip(load_run(a).parameters(), load_run(b).parameters(), strict=True)
        return all(torch.equal(x, y) for x, y in pairs)
    except UserError:
        return False


CHECKS: dict[str, Callable[[str], Verdict]] = {
    "device": check_device,
    "precision": check_precision,
    "memory format": check_memory_format,
    "speed": check_speed,
    "compile": check_compile,
    "same loss as the CPU": check_loss,
    "recorded steps": check_graph,
    "progress bar": check_bar,
    "rehearsal": check_rehearsal,
    "out-of-memory message": check_out_of_memory,
    "launch and queue": check_launch,
    "kill and resume": check_kill,
}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(CHECKS)}; default: all")
    parser.add_argument("--device", choices=["cuda", "mps", "cpu"], default="cuda")
    given = parser.parse_args()
    if unknown := set(given.names) - set(CHECKS):
        parser.error(f"unknown check {unknown.pop()!r}: choose of {', '.join(CHECKS)}")
    failures, began = 0, time.perf_counter()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ["VITLAB_RUNS"] = str(Path(folder) / "runs")
        assert runs_dir().is_relative_to(folder)
        for name in given.names or CHECKS:
            start = time.perf_counter()
            try:
                passed, text = CHECKS[name](given.device)
            except Exception as error:
                passed, text = (
                    False,
                    f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
                )
            failures += passed is False
            word = {True: "pass", False: "FAIL", None: "-"}[passed]
            print(f"{word:4}  {name:22}  {text}  [{time.perf_counter() - start:.0f} s]", flush=True)
            if name == "device" and passed is False:
                break
    print(f"{failures} failed, {time.perf_counter() - began:.0f} s in all")
    return failures


if __name__ == "__main__":
    sys.exit(main())
