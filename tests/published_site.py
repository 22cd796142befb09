"""A local server with the files of the tutorial and random weights, whose connections may break."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch

from tests.published_names import SHAPES
from vitcore.exchange.tutorial import FILES

CNN = {"num_classes": 10, "act_fn_name": "relu"}
RESNET = {**CNN, "c_hidden": [16, 32, 64], "num_blocks": [3, 3, 3]}
SGD = {"optimizer_name": "SGD", "optimizer_hparams": {"lr": 0.1, "momentum": 0.9, "weight_decay": 1e-4}}
ADAM = {"optimizer_name": "Adam", "optimizer_hparams": {"lr": 1e-3, "weight_decay": 1e-4}}
KWARGS = {
    "embed_dim": 256,
    "hidden_dim": 512,
    "num_heads": 8,
    "num_layers": 6,
    "patch_size": 4,
    "num_channels": 3,
    "num_patches": 64,
    "num_classes": 10,
    "dropout": 0.2,
}
PUBLISHED = {
    "ViT": ("vit", {"model_kwargs": KWARGS, "lr": 3e-4}),
    "ResNet": ("resnet", {"model_name": "ResNet", "model_hparams": RESNET, **SGD}),
    "ResNetPreAct": (
        "preactresnet",
        {"model_name": "ResNet", "model_hparams": {**RESNET, "block_name": "PreActResNetBlock"}, **SGD},
    ),
    "GoogleNet": ("googlenet", {"model_name": "GoogleNet", "model_hparams": CNN, **ADAM}),
    "DenseNet": (
        "densenet",
        {
            "model_name": "DenseNet",
            "model_hparams": {**CNN, "num_layers": [6, 6, 6, 6], "bn_size": 2, "growth_rate": 16},
            **ADAM,
        },
    ),
}


def write_checkpoint(folder: Path, name: str, **changes) -> Path:
    """Write a checkpoint in the format of the tutorial, with random weights."""
    model, hyper = PUBLISHED[name]
    torch.manual_seed(0)
    state = {f"model.{key}": 0.1 * torch.rand(shape) for key, shape in SHAPES[model].items()}
    state |= {key: torch.tensor(100) for key in state if key.endswith("num_batches_tracked")}
    content = {"epoch": 162, "global_step": 56862, "pytorch-lightning_version": "1.0.2", "state_dict": state}
    content |= {"hyper_parameters": hyper, **changes}
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(content, folder / f"{name}.ckpt")
    return folder / f"{name}.ckpt"


class Flaky(http.server.SimpleHTTPRequestHandler):
    """Serves ranges, and breaks the connections for checkpoints after 700 kB."""

    breaks = True
    served: list[tuple[str, str | None]] = []  # noqa: RUF012  shared by the requests of one test

    def do_GET(self) -> None:
        path = Path(self.directory) / self.path.lstrip("/")
        if not path.is_file():
            self.send_error(404)
            return
        wanted = self.headers.get("Range")
        self.served.append((self.path, wanted))
        data = path.read_bytes()
        tag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
        if self.headers.get("If-Range", tag) != tag:
            wanted = None
        start = int(wanted.split("=")[1].rstrip("-")) if wanted else 0
        self.send_response(206 if wanted else 200)
        self.send_header("ETag", tag)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        end = start + 700_000 if self.breaks and path.suffix == ".ckpt" else len(data)
        self.wfile.write(data[start:end])
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def serve(folder: Path, shared: Path, *, breaks: bool = True, port: int = 0) -> Iterator[str]:
    """Serve all files of the tutorial and yield the URL. All event files are those of the ResNet."""
    for checkpoint, events in FILES.items():
        write_checkpoint((folder / checkpoint).parent, Path(checkpoint).stem)
        (folder / events).parent.mkdir(parents=True)
        shutil.copyfile(shared / "tutorial" / "events.out.tfevents.resnet", folder / events)
    Flaky.served.clear()
    Flaky.breaks = breaks
    found = http.server.ThreadingHTTPServer(("127.0.0.1", port), partial(Flaky, directory=str(folder)))
    threading.Thread(target=found.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{found.server_port}"
    finally:
        found.shutdown()
        found.server_close()
