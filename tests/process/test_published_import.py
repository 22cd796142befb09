"""Published checkpoints become runs: the real ResNet, synthetic files, malicious files, bad networks."""

from __future__ import annotations

import contextlib
import pickle
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from tests.published_site import KWARGS, PUBLISHED, RESNET, SGD, Flaky, serve, write_checkpoint
from vitcore.data.download import fetch
from vitcore.errors import UserError
from vitcore.exchange.checkpoint import import_checkpoint
from vitcore.exchange.published import import_tutorial
from vitcore.exchange.tutorial import BASE, FILES
from vitcore.models import load_run
from vitcore.paths import runs_dir
from vitcore.runs import process
from vitcore.runs.folder import list_runs
from vitcore.runs.metrics import event_files, read_scalars


@pytest.mark.parametrize("name", PUBLISHED)
def test_checkpoint_becomes_a_run_with_its_weights_and_settings(name, tmp_path):
    file = write_checkpoint(tmp_path, name)
    run = import_checkpoint(file)
    assert run.status().state == "finished"
    config = run.config
    assert (config.model, config.recipe, config.data, config.epochs) == (
        PUBLISHED[name][0],
        "tutorial",
        "cifar10",
        180,
    )
    stored = torch.load(file, weights_only=True)["state_dict"]
    loaded = load_run(run).state_dict()
    assert len(loaded) == len(stored)
    assert all(torch.equal(stored[f"model.{key}"].float(), value.float()) for key, value in loaded.items())
    expected = {"ViT": 3e-4, "GoogleNet": 1e-3, "DenseNet": 1e-3}.get(name, 0.1)
    assert config.lr == expected
    assert import_checkpoint(file) == run  # again: the same run, not a second one
    assert len(list_runs(bundled=False)) == 1


def test_checkpoint_without_curves_is_imported_and_gets_them_later(shared, tmp_path):
    place = tmp_path / "checkpoint"
    place.mkdir()
    shutil.copy(shared / "tutorial" / "ResNet.ckpt", place)
    run = import_checkpoint(place / "ResNet.ckpt")
    assert (run.status().state, run.status().result) == ("finished", {"best_epoch": 162})
    assert run.status().reason
    events = shared / "tutorial" / "events.out.tfevents.resnet"
    assert import_checkpoint(place / "ResNet.ckpt", events=events) == run
    assert run.status().result["val_acc"] == pytest.approx(0.9184)
    assert run.status().active_s == pytest.approx(1461, abs=1)
    assert len(read_scalars(run.path)["val_acc"].values) == 180


def test_events_of_another_training_give_no_scores(shared, tmp_path):
    file = write_checkpoint(tmp_path / "a", "DenseNet", global_step=50_000)
    shutil.copy(shared / "tutorial" / "events.out.tfevents.resnet", tmp_path / "a")
    run = import_checkpoint(file)  # the only file next to it, but named after another model
    assert not event_files(run.path)
    named = import_checkpoint(
        write_checkpoint(tmp_path / "b", "ViT", global_step=50_000),
        events=shared / "tutorial" / "events.out.tfevents.resnet",
    )
    assert "val_acc" in read_scalars(named.path)
    assert "val_acc" not in named.status().result
    assert "test_acc" not in named.status().result


def test_killed_import_is_repeated(tmp_path):
    file = write_checkpoint(tmp_path, "ResNet")
    run = import_checkpoint(file)
    gone = {"state": "running", "pid": 2**22 + 1, "process_start": 1.0, **{"host": process.hostname()}}
    run.write_status(run.stored_status().model_copy(update=gone | {"boot_id": process.boot_id()}))
    assert run.status().state == "failed"
    again = import_checkpoint(file)
    assert again.id != run.id
    assert again.status().state == "finished"


class Evil:
    def __reduce__(self):
        return print, ("executed",)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory) -> dict[str, Path]:
    """Return files that are not checkpoints of the tutorial, by their fault."""
    place = tmp_path_factory.mktemp("hostile")
    files = {name: place / f"{name}.ckpt" for name in ("text", "empty", "list", "code")}
    files["text"].write_text("not a checkpoint")
    for first in "aebstuXJ]}(":  # each an instruction of pickle that finds nothing to work on
        files[f"begins with {first}"] = place / f"letter{ord(first)}.ckpt"
        files[f"begins with {first}"].write_text(f"{first}poch 1/10 val_acc 27.80 %")
    files["safetensors"] = place / "broken.safetensors"
    files["safetensors"].write_bytes(b"\xff" * 100)
    files["empty"].write_bytes(b"")
    torch.save([1, 2, 3], files["list"])
    files["code"].write_bytes(pickle.dumps({"state_dict": Evil(), "epoch": 1}))
    complete = write_checkpoint(place, "ResNet")
    files["truncated"] = place / "truncated.ckpt"
    files["truncated"].write_bytes(complete.read_bytes()[: complete.stat().st_size // 2])
    files["other model"] = write_checkpoint(place / "b", "ResNet", hyper_parameters={"model_name": "VGG"})
    state = torch.load(complete, weights_only=True)["state_dict"]
    less = {key: value for key, value in state.items() if "blocks.4" not in key}
    files["missing"] = write_checkpoint(place / "c", "ResNet", state_dict=less)
    files["more"] = write_checkpoint(
        place / "d", "ResNet", state_dict={**state, "model.extra": torch.ones(1)}
    )
    shapes = {**state, "model.output_net.2.bias": torch.ones(100)}
    files["shape"] = write_checkpoint(place / "e", "ResNet", state_dict=shapes)
    deep = {"model_name": "ResNet", "model_hparams": {**RESNET, "num_blocks": [99, 3, 3]}, **SGD}
    files["deep"] = write_checkpoint(place / "f", "ResNet", hyper_parameters=deep)
    huge = {**KWARGS, "embed_dim": 2048, "hidden_dim": 8192, "num_layers": 48, "num_heads": 64}
    files["huge"] = write_checkpoint(place / "h", "ViT", hyper_parameters={"model_kwargs": huge, "lr": 1e-3})
    files["tensor"] = write_checkpoint(
        place / "i", "ViT", hyper_parameters={"model_kwargs": {**KWARGS, "patch_size": torch.ones(3)}}
    )
    files["sparse"] = write_checkpoint(
        place / "j", "ResNet", state_dict={**state, "model.output_net.2.bias": torch.ones(10).to_sparse()}
    )
    files["names"] = write_checkpoint(place / "k", "ResNet", state_dict={**state, 3: torch.ones(1)})
    files["odd"] = write_checkpoint(
        place / "g", "ResNet", hyper_parameters={"model_name": "ResNet", "model_hparams": 7}
    )
    return files


WORDS = {
    "text": "read",
    "empty": "read",
    "list": "no state_dict",
    "code": "more than tensors",
    "truncated": "read",
    "other model": "VGG",
    "missing": "blocks.4",
    "more": "extra",
    "shape": "[100] instead of [10]",
    "deep": "num_blocks",
    "odd": "hyper_parameters",
    "safetensors": "read",
    "huge": "shape",
    "tensor": "hyper_parameters",
    "sparse": "output_net.2.bias",
    "names": "because of 3",
    **{f"begins with {first}": "read" for first in "aebstuXJ]}("},
}


@pytest.mark.parametrize("kind", WORDS)
def test_unknown_file_is_rejected_and_leaves_nothing(kind, hostile, capsys):
    with pytest.raises(UserError) as caught:
        import_checkpoint(hostile[kind])
    text = str(caught.value)
    assert WORDS[kind] in text or (WORDS[kind] == "read" and "damaged" in text), text
    assert text.endswith(".")
    assert "\n" not in text
    assert "executed" not in capsys.readouterr().out
    assert list_runs(bundled=False) == []


@pytest.fixture
def server(tmp_path, shared, monkeypatch):
    with serve(tmp_path / "site", shared) as address:
        monkeypatch.setenv("VITLAB_PUBLISHED", address)
        yield address


def test_all_five_checkpoints_are_downloaded_over_an_unreliable_connection(server, monkeypatch):
    seen = []
    with pytest.raises(UserError, match=r"ViT\.ckpt.*2,100,000 bytes"):
        import_tutorial()
    for _ in range(9):  # each try keeps what came
        with contextlib.suppress(UserError):
            runs = import_tutorial(progress=lambda done, total: seen.append((done, total)))
            break
    assert [run.config.model for run in runs] == ["vit", "resnet", "preactresnet", "googlenet", "densenet"]
    assert all(", published (" in run.title for run in runs)
    resumed = [r for path, r in Flaky.served if path.endswith("ViT.ckpt")]
    assert resumed[0] is None
    starts = [int(r.split("=")[1].rstrip("-")) for r in resumed[1:]]
    assert starts == sorted(starts)
    assert starts[0] == 700_000
    assert all(done <= total for done, total in seen)
    count = len(Flaky.served)
    again = import_tutorial()
    assert [run.id for run in again] == [run.id for run in runs]
    assert len(Flaky.served) == count  # nothing is downloaded twice
    assert len(list_runs(bundled=False)) == 5


def test_missing_file_and_missing_network_are_reported(server, monkeypatch, tmp_path):
    with pytest.raises(UserError, match="404"):
        import_checkpoint(f"{server}/tutorial5/VGG.ckpt")
    monkeypatch.setenv("VITLAB_PUBLISHED", "http://127.0.0.1:9")  # no server listens
    with pytest.raises(UserError, match=r"127\.0\.0\.1:9"):
        import_tutorial()
    with pytest.raises(UserError, match=r"nothing\.ckpt"):
        import_checkpoint(tmp_path / "nothing.ckpt")
    assert list_runs(bundled=False) == []


def test_downloaded_file_that_is_no_checkpoint_is_not_kept(server, tmp_path):
    Flaky.breaks = False
    wrong = tmp_path / "site" / "tutorial15" / "ViT.ckpt"
    right = wrong.read_bytes()
    wrong.write_text("<html>please log in</html>")
    with pytest.raises(UserError, match=r"ViT\.ckpt"):
        import_tutorial()
    wrong.write_bytes(right)
    assert len(import_tutorial()) == 5


def test_checkpoint_of_another_server_is_not_titled_published(server, monkeypatch):
    Flaky.breaks = False
    monkeypatch.setenv("VITLAB_PUBLISHED", "http://127.0.0.1:9")
    run = import_checkpoint(f"{server}/tutorial5/DenseNet.ckpt")
    assert run.title == "DenseNet, imported (DenseNet)"
    assert "val_acc" in read_scalars(run.path)  # its event file is found nevertheless


def test_invalid_download_from_an_address_is_not_kept(server, tmp_path):
    Flaky.breaks = False
    wrong = tmp_path / "site" / "tutorial5" / "DenseNet.ckpt"
    right = wrong.read_bytes()
    wrong.write_text("<html>please log in</html>")
    with pytest.raises(UserError, match=r"cannot be read|damaged"):
        import_checkpoint(f"{server}/tutorial5/DenseNet.ckpt")
    wrong.write_bytes(right)
    assert import_checkpoint(f"{server}/tutorial5/DenseNet.ckpt").config.model == "densenet"


def test_changed_file_on_the_server_is_not_appended_to_the_old_part(server, tmp_path):
    file = tmp_path / "site" / "tutorial15" / "ViT.ckpt"
    target = tmp_path / "got" / "ViT.ckpt"
    with pytest.raises(UserError, match=r"ViT\.ckpt.*2,100,000 bytes"):
        fetch(f"{server}/tutorial15/ViT.ckpt", target)
    changed = file.read_bytes()[::-1]
    file.write_bytes(changed)
    Flaky.breaks = False
    assert fetch(f"{server}/tutorial15/ViT.ckpt", target).read_bytes() == changed
    assert [p.name for p in target.parent.iterdir() if p.suffix != ".lock"] == ["ViT.ckpt"]


def test_two_simultaneous_downloads_give_one_complete_file(server, tmp_path):
    Flaky.breaks = False
    target = tmp_path / "got" / "ViT.ckpt"
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: fetch(f"{server}/tutorial15/ViT.ckpt", target), range(4)))
    assert target.read_bytes() == (tmp_path / "site" / "tutorial15" / "ViT.ckpt").read_bytes()
    assert len(Flaky.served) == 1


@pytest.mark.parametrize("named", [True, False])
def test_checkpoint_at_a_url_is_imported_with_its_events(server, named):
    Flaky.breaks = False
    events = f"{server}/{FILES['tutorial5/DenseNet.ckpt']}" if named else None
    run = import_checkpoint(f"{server}/tutorial5/DenseNet.ckpt", events=events)
    assert not list((runs_dir() / ".published").iterdir())
    assert (run.config.model, run.title) == ("densenet", "DenseNet, published (DenseNet)")
    assert "val_acc" in read_scalars(run.path)
    assert BASE.startswith("https://")
