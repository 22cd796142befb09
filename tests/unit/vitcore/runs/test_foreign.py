"""Event files of other programs, wherever they are in the runs folder."""

from __future__ import annotations

import pytest
from torch.utils.tensorboard import SummaryWriter

from vitcore.config import make_config
from vitcore.errors import UserError
from vitcore.paths import runs_dir
from vitcore.runs.creation import create_run
from vitcore.runs.folder import find_run, list_runs
from vitcore.runs.foreign import foreign_runs


def write(*parts: str, tag: str = "loss") -> None:
    with SummaryWriter(str(runs_dir().joinpath(*parts))) as writer:
        writer.add_scalar(tag, 1.0, 0)


def ids() -> list[str]:
    return [run.id for run in foreign_runs()]


def test_event_files_at_any_depth_are_found():
    write("keras")
    write("ViT", "lightning_logs", "version_0")
    write("a", "b", "c", "d", "e")
    write("sweep", "trial_1", "train")
    write("sweep", "trial_1", "validation")
    trials = ["sweep/trial_1/train", "sweep/trial_1/validation"]
    assert ids() == ["ViT/lightning_logs/version_0", "a/b/c/d/e", "keras", *trials]


@pytest.mark.parametrize("config", ["model: {name: resnet}\n", "seed: 1\n", "", "[1, 2]\n", "\0"])
def test_a_folder_with_a_configuration_of_another_program_is_not_a_run_of_ours(config):
    write("hydra", "run")
    (runs_dir() / "hydra" / "run" / "config.yaml").write_text(config)
    assert ids() == ["hydra/run"]
    assert list_runs(bundled=False) == []
    with pytest.raises(UserError):
        find_run(runs_dir() / "hydra" / "run")


def test_our_own_runs_are_not_foreign_even_without_their_status():
    run = create_run(make_config())
    write(run.id)
    (run.path / "status.json").unlink()
    assert ids() == []
    assert [run.id for run in list_runs(bundled=False)] == [run.id]
    assert run.status().state == "lost"


def test_a_run_that_was_seen_while_it_was_copied_is_recognized_once_it_is_complete():
    run = create_run(make_config())
    (run.path / "status.json").unlink()
    text = (run.path / "config.yaml").read_text()
    (run.path / "config.yaml").write_text(text[:20])
    assert list_runs(bundled=False) == []
    (run.path / "config.yaml").write_text(text)
    assert list_runs(bundled=False) == [run]


def test_links_in_a_circle_end_and_hidden_folders_are_left_out():
    write("logs")
    write(".hidden")
    (runs_dir() / "logs" / "up").symlink_to(runs_dir())
    assert ids() == ["logs"]


def test_event_files_without_a_status_are_imported():
    write("keras")
    (run,) = foreign_runs()
    assert (run.status().state, run.stored_status().state) == ("imported", "imported")
