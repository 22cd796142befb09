"""`AttentionSnapshots` in trainings that ViT Lab did not start, compared with what these computed."""

from __future__ import annotations

import copy
import os

import numpy as np
import psutil
import pytest
import torch
from torch import nn

from dashboard.shared import resources
from tests.apptests import open_app
from tests.command_line import check_refused, run
from tests.foreign_models import TIMM, TRANSFORMERS
from tests.other_trainings import BATCH, MEAN, OPTIONS, STD, TheirModule, fit, loader, pixels
from vitcore.analysis.attention import capture
from vitcore.errors import UserError
from vitcore.models import build, load_run
from vitcore.paths import runs_dir
from vitcore.queue import launch as background
from vitcore.queue.supervisor import Supervisor
from vitcore.runs.folder import list_runs
from vitcore.runs.foreign import foreign_runs
from vitcore.runs.metrics import read_scalars
from vitcore.runs.predictions import read_predictions
from vitcore.training import AttentionSnapshots

NORMAL = {"mean": MEAN, "std": STD}


def network(seed=0):
    torch.manual_seed(seed)
    return build("vit", num_classes=2, init_std=0.1, **OPTIONS)


def only_run():
    (found,) = list_runs(bundled=False)
    return found


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return (the trained module, its run folder), after three epochs of four steps."""
    folder = tmp_path_factory.mktemp("snapshots")
    images, labels = pixels()
    module = TheirModule(network())
    eight = {"images": images[32:], "labels": labels[32:], "classes": ("dark", "red")}
    fit(module, AttentionSnapshots("net", **NORMAL, **eight, title="Theirs", runs_dir=folder))
    (found,) = list_runs(folder, bundled=False)
    return module, found


def test_last_snapshot_holds_the_weights_of_the_training(trained):
    module, found = trained
    assert [int(path.stem[-7:]) for path in found.snapshots] == [0, 4, 8, 12]
    images = loader(False).dataset.tensors[0]
    with torch.no_grad():
        logits = module.net.eval()(images)
    ours = load_run(found, found.snapshots[-1])
    assert torch.allclose(ours(images), logits, atol=0.02)  # half precision
    first = load_run(found, found.snapshots[0])
    assert torch.allclose(first(images), network().eval()(images), atol=0.02)
    assert not torch.allclose(first(images), logits, atol=0.1)


def test_curves_are_those_that_the_training_logged(trained):
    module, found = trained
    curves = read_scalars(found.path)
    assert curves["val_acc"].values == pytest.approx(module.accuracies)
    assert curves["val_acc"].steps.tolist() == [4, 8, 12]
    assert curves["train_loss"].values == pytest.approx(module.losses, rel=1e-5)  # a point for each batch
    assert set(curves["lr"].values.round(6)) == {0.002}
    assert curves["train_acc"].values.max() <= 1  # logged in percent
    assert curves["epoch"].values[-1] == pytest.approx(3)


def test_status_and_configuration_describe_the_training(trained):
    module, found = trained
    status, config = found.status(), found.config
    assert (status.state, status.step, status.epoch) == ("finished", 12, 3)
    assert status.result["val_acc"] == pytest.approx(max(module.accuracies), abs=1e-6)
    assert status.result["parameters"] == sum(p.numel() for p in module.net.parameters())
    assert config.classes == ("dark", "red")
    assert (config.preprocessing.mean, config.preprocessing.std) == (MEAN, STD)
    assert (config.batch_size, config.epochs, config.lr) == (8, 3, 0.002)
    assert found.title == "Theirs"
    assert "epoch 3" in found.log.read_text("utf-8")


def test_eight_images_have_the_predictions_of_the_training(trained):
    module, found = trained
    stored = read_predictions(found.path)
    assert stored.images.shape == (8, 3, 32, 32)
    assert stored.steps.tolist() == [0, 4, 8, 12]
    values = (torch.from_numpy(stored.images) / 255 - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(
        STD
    ).view(3, 1, 1)
    with torch.no_grad():
        wanted = module.net.eval()(values).softmax(1)
    assert np.allclose(stored.probabilities[-1], wanted, atol=1e-5)
    assert sorted(stored.truth.tolist()) == [0] * 4 + [1] * 4


def test_callback_does_not_change_the_training(trained):
    alone = TheirModule(network())
    fit(alone)
    state = alone.net.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in trained[0].net.state_dict().items())


def test_commands_and_pages_show_the_run(trained, monkeypatch):
    _, found = trained
    monkeypatch.setenv("VITLAB_RUNS", str(found.path.parent))
    resources.st.cache_resource.clear()
    assert found.id in run("runs").stdout
    for page, query in {
        "attention": {"run": found.id},
        "training": {"run": found.id},
        "compare": {"runs": f"vit-cifar10,{found.id}"},
        "patches": {"run": found.id},
        "inductive_bias": {"probe": "Shift"},
        "overview": {},
    }.items():
        app = open_app(page, **query)
        assert not app.error, (page, app.error)
        assert page == "overview" or "Theirs" in str(app.main), page
    resources.st.cache_resource.clear()


@pytest.mark.parametrize(
    "case", [TIMM["DeiT, distilled"], TRANSFORMERS["DINOv2 with registers and a classifier"]]
)
def test_network_of_another_library_becomes_snapshots_of_ours(case):
    made = case()
    for parameter in made.model.parameters():
        parameter.data *= 0.5
    fit(TheirModule(made.model), AttentionSnapshots("net", **NORMAL), epochs=1)
    images = loader(False).dataset.tensors[0][:2]
    with torch.no_grad():
        logits, maps = made.outputs(images) if not made.model.eval().training else None
    trace = capture(load_run(only_run()), images)
    assert torch.allclose(trace.logits, logits, atol=1e-4)
    assert torch.allclose(trace.weights, maps, atol=1e-4)


@pytest.mark.parametrize("named", ["net", None])
def test_other_network_has_curves_and_status_only(named, capsys):
    module = TheirModule(nn.Sequential(nn.Flatten(), nn.Linear(3072, 2)))
    fit(module, AttentionSnapshots(named))
    assert not list_runs(bundled=False)
    (found,) = foreign_runs()
    status = found.status()
    assert status.state == "finished"
    assert "Sequential" in status.reason or named is None
    assert read_scalars(found.path)["val_acc"].values == pytest.approx(module.accuracies)
    app = open_app("compare", runs=f"vit-cifar10,{found.id}")
    assert not app.error
    assert found.id in str(app.main) or found.title in str(app.main)


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        (ValueError("no more data"), "failed", "no more data"),
        (KeyboardInterrupt(), "stopped", "interrupted"),
        (SystemExit(3), "failed", "SystemExit"),
    ],
)
def test_interrupted_training_is_recorded(error, state, reason):
    with pytest.raises((type(error), SystemExit)):
        fit(TheirModule(network(), fail=error), AttentionSnapshots("net", **NORMAL))
    found = only_run()
    status = found.status()
    assert status.state == state
    assert reason in status.reason
    assert (status.step, status.ended is not None) == (5, True)
    assert len(found.snapshots) == 2  # those before the error
    check_refused(run("train", "--resume", found.id), found.id, "another program")
    with pytest.raises(UserError, match="another program"):
        background.resume(found)


class AsksToStop(AttentionSnapshots):
    """Requests a stop, as the button of the page does, when the training is at a step."""

    def on_train_batch_end(self, trainer, *arguments, **named):
        if trainer.global_step == 6:
            self.run.stop_request.touch()
            self.heart.written = 0  # a second passes
        super().on_train_batch_end(trainer, *arguments, **named)


def test_stop_request_ends_the_training_without_an_error():
    trainer = fit(TheirModule(network()), AsksToStop("net", **NORMAL), epochs=50)
    found = only_run()
    assert trainer.global_step == 6
    assert (found.status().state, found.status().step) == ("stopped", 6)
    assert found.snapshots[-1].name == "step-0000006.safetensors"
    assert not found.stop_request.exists()


def test_supervisor_does_not_end_the_process_of_an_external_training(trained, monkeypatch):
    """That process may be a notebook. The same request ends the process of a run of ViT Lab."""
    ended = []
    monkeypatch.setattr("vitcore.queue.supervisor.process.end", lambda pid, *_, kill: ended.append(pid))
    _, found = trained
    status = found.stored_status().model_copy(update={"state": "running", "pid": os.getpid()})
    before = found.stored_status()
    found.write_status(status)
    try:
        found.stop_request.write_text("abort", encoding="utf-8")
        supervisor = Supervisor(found.path.parent, devices=lambda: [])
        supervisor._enforce_stop(found)
        assert not ended
        monkeypatch.setattr("vitcore.runs.folder.EXTERNAL", "no-recipe")
        supervisor._enforce_stop(found)
        assert ended == [os.getpid()]
    finally:
        found.stop_request.unlink()
        found.write_status(before)
    assert psutil.pid_exists(os.getpid())


def test_wrong_arguments_are_refused_before_a_folder_is_made():
    images, labels = pixels()
    for arguments, named in (
        ({"network": "model"}, "'model'"),
        ({"mean": None}, "mean="),
        ({"classes": ["a", "b", "c"]}, "3"),
        ({"data": "folder:/no/such/folder"}, "/no/such/folder"),
        ({"images": images, "labels": labels + 1}, "label is 2"),
    ):
        given = {"network": "net", **NORMAL, **arguments}
        with pytest.raises(UserError, match=named):
            fit(TheirModule(network()), AttentionSnapshots(**given))
        assert not runs_dir().exists() or not os.listdir(runs_dir()), named


@pytest.mark.parametrize("labels", [None, [0, 1], [0.5] * 48, [-1] * 48])
def test_labels_that_do_not_fit_the_images_are_refused_at_once(labels):
    with pytest.raises(UserError, match="labels="):
        AttentionSnapshots("net", images=pixels()[0], labels=labels)


def test_training_without_validation_is_recorded_after_each_epoch():
    """With gradients of two batches in one step, the curve still has the loss of whole batches."""
    images, labels = pixels()
    module = TheirModule(network())
    recorder = AttentionSnapshots("net", images=images[:8], labels=labels[:8], **NORMAL)
    fit(module, recorder, validate=False, accumulate_grad_batches=2)
    found = only_run()
    stored, curves = read_predictions(found.path), read_scalars(found.path)
    assert stored.steps.tolist() == [0, 2, 4, 6]
    assert stored.epochs.tolist() == [0, 1, 2, 3]
    assert found.weights == found.snapshots[-1]
    status = found.status()
    assert status.epoch == 3
    images_seen = 6 * 2 * BATCH  # steps, batches of a step, images of a batch
    assert status.images_per_s * status.active_s == pytest.approx(images_seen, rel=0.3)
    # of two points in one step, the later one counts
    assert curves["train_loss"].values[-1] == pytest.approx(module.losses[-1], rel=1e-5)


def test_each_training_with_one_callback_has_its_own_run():
    recorder = AttentionSnapshots("net", **NORMAL)
    for _ in range(2):
        fit(TheirModule(network()), recorder, epochs=1)
    assert [found.status().state for found in list_runs(bundled=False)] == ["finished"] * 2


def test_best_weights_are_those_of_the_best_validation():
    """The learning rate explodes in the second epoch, so that the first one stays the best."""
    module = TheirModule(network())
    kept = {}

    class Spoils(AttentionSnapshots):
        def on_validation_end(self, trainer, module):
            super().on_validation_end(trainer, module)
            if trainer.current_epoch == 0 and not trainer.sanity_checking:
                kept.update(copy.deepcopy(module.net.state_dict()))
                module.accuracies[0] = 1.0
                self.best = 1.0

    fit(module, Spoils("net", **NORMAL))
    best = load_run(only_run()).state_dict()
    assert all(torch.equal(value, best[name]) for name, value in kept.items())


class Similarity(TheirModule):
    """A training with a negative cosine similarity as its loss, as SimSiam, whose rate starts at 0."""

    def validation_step(self, batch, index):
        self.log("val_loss", torch.tensor(-0.9 - 0.01 * self.current_epoch))

    def on_validation_epoch_end(self):
        pass

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.0)


def test_negative_loss_and_a_rate_of_zero_are_recorded_as_far_as_a_run_can_hold_them():
    fit(Similarity(network()), AttentionSnapshots("net", **NORMAL), epochs=2)
    found = only_run()
    assert read_scalars(found.path)["val_loss"].values == pytest.approx([-0.9, -0.91])
    assert found.status().state == "finished"
    assert found.status().result["best_epoch"] == 2
    assert "val_loss" not in found.status().result  # a score is not negative, and 0.91 would be wrong
