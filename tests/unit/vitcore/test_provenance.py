"""The origin of numbers: machine, commit, and the command that reproduces them."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from vitcore import provenance
from vitcore.__main__ import app  # with every command
from vitcore.config import make_config
from vitcore.exchange.archive import without_machine
from vitcore.queue import launch
from vitcore.runs.folder import list_runs
from vitcore.runs.titles import launch_command

OTHERS = [
    make_config("quick"),
    make_config("quick", minutes=2.5, lr=1e-5, seed=7, device="cpu", batch_size=32),
    make_config("modern", model="resnet", milestones=[3, 4], optimizer="sgd", schedule="multistep"),
    make_config(
        "tutorial", model="vit", patch_size=8, norm="post", data="folder:/tmp/my images", image_size=64
    ),
    make_config("modern", model="vit", data="cifar10", steps_per_epoch=10, train_share=0.05, compile=True),
]
BUNDLED = [run.config for run in list_runs() if run.bundled]


@pytest.fixture
def parsed(monkeypatch):
    """A command line's configuration, as the command line itself reads it; nothing is launched."""
    monkeypatch.setattr(launch, "launch", lambda config, *_, **__: SimpleNamespace(path=config))
    monkeypatch.setattr("vitcore.cli.training.print_report", lambda config: None)  # the folder does not exist

    def parse(command):
        seen = []
        monkeypatch.setattr("builtins.print", lambda *words, **_: seen.extend(words))
        words = shlex.split(command)
        assert words[:3] == ["python", "-m", "vitcore"]
        assert CliRunner().invoke(app, words[3:], catch_exceptions=False).exit_code == 0
        return seen[-1]  # the result comes last

    return parse


@pytest.mark.parametrize("config", [*OTHERS, *BUNDLED], ids=lambda c: f"{c.model}-{c.recipe}-{c.data[:8]}")
def test_command_launches_the_same_configuration(config, parsed):
    found = parsed(launch_command(config)).model_copy(update={"classes": None})
    assert found == config.model_copy(update={"classes": None})


def test_command_contains_only_required_settings():
    assert launch_command(make_config("quick", seed=1)) == (
        "python -m vitcore launch --model vit --data cifar10-mini --recipe quick --seed 1"
    )


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A checkout with one commit of a vitcore."""
    if shutil.which("git") is None:
        pytest.skip("no git")

    def git(*words):
        named = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *words]
        return subprocess.run(named, cwd=tmp_path, check=True, capture_output=True, text=True).stdout.strip()

    (tmp_path / "vitcore").mkdir()
    (tmp_path / "vitcore" / "a.py").write_text("")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    monkeypatch.setattr(provenance, "assets_dir", lambda: tmp_path / "assets")
    provenance.commit.cache_clear()
    yield SimpleNamespace(path=tmp_path, git=git)
    provenance.commit.cache_clear()


def test_commit_is_that_of_the_checkout(repository):
    assert provenance.commit() == repository.git("rev-parse", "--short", "HEAD")


def test_changed_code_is_marked(repository):
    (repository.path / "vitcore" / "a.py").write_text("x = 1")
    assert provenance.commit().endswith("+")


def test_package_inside_another_repository_has_no_commit(repository, monkeypatch):
    inside = repository.path / "venv" / "vitcore"
    inside.mkdir(parents=True)
    monkeypatch.setattr(provenance, "assets_dir", lambda: inside / "assets")
    assert provenance.commit() == ""


def test_shared_run_keeps_machine_and_commit_but_not_the_host():
    status = next(run for run in list_runs() if run.bundled).stored_status()
    complete = status.model_copy(update={"machine": "a CPU", "commit": "abc", "host": "mine", "pid": 3})
    shared = without_machine(complete)
    assert (shared.machine, shared.commit, shared.host, shared.pid) == ("a CPU", "abc", None, None)
