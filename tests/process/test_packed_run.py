"""A run that was trained here is packed completely, and without anything about the machine."""

from __future__ import annotations

import socket

import torch

from tests.conftest import TINY_VIT
from tests.packed_runs import same_curves, unpack
from vitcore.config import make_config
from vitcore.exchange.archive import pack_run
from vitcore.models import load_run
from vitcore.paths import runs_dir
from vitcore.runs.folder import find_run, list_runs
from vitcore.runs.metrics import event_files
from vitcore.training import train


def test_trained_run_is_unchanged_by_packing_and_unpacking(colors, tmp_path):
    config = make_config("quick", data=f"folder:{colors}", epochs=2, device="cpu", **TINY_VIT)
    run = train(config, progress=False)
    content = pack_run(run, snapshots=1)
    assert content == pack_run(run, snapshots=1)
    unpack(content, tmp_path / "elsewhere")
    (again,) = list_runs(tmp_path / "elsewhere", bundled=False)
    assert (again.id, again.title) == (run.id, run.title)
    assert again.status().state == "finished"
    assert again.status().result == run.status().result
    assert again.config == run.config.model_copy(update={"data": f"folder:{colors.name}"})
    assert [path.name for path in again.snapshots] == [run.snapshots[-1].name]
    images = torch.randn(5, 3, 32, 32)
    with torch.inference_mode():
        assert torch.equal(load_run(again)(images), load_run(run)(images))
    same_curves(again, run)


def test_packed_run_contains_nothing_about_the_machine(colors, tmp_path, monkeypatch):
    config = make_config("quick", data=f"folder:{colors}", epochs=1, device="cpu", **TINY_VIT)
    run = train(config, progress=False)
    status = run.stored_status()
    run.write_status(status.model_copy(update={"slots": ["GPU-1234"], "wanted": "GPU-1234"}))
    unpack(pack_run(run), tmp_path / "out")
    host = socket.gethostname()
    assert any(host in path.name for path in event_files(run.path))  # or this test proves nothing
    for path in (tmp_path / "out").rglob("*"):
        assert host not in path.relative_to(tmp_path).parts[-1]
        if path.is_file():
            found = path.read_bytes()
            assert not [w for w in (str(colors.parent), str(runs_dir()), "GPU-1234") if w.encode() in found]
    packed = find_run(tmp_path / "out" / run.id).stored_status()
    assert (packed.host, packed.pid, packed.boot_id, packed.data_dir) == (None, None, None, None)
