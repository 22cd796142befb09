"""What an import says: what it assumed, in a form that changes it, and which tensor is wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from safetensors.torch import save_file

from tests.command_line import check_refused, run
from tests.foreign_models import CASES, TIMM
from tests.foreign_resnets import SMALL
from tests.published_site import write_checkpoint
from vitcore.errors import UserError
from vitcore.exchange.checkpoint import import_checkpoint
from vitcore.preprocessing import Preprocessing
from vitcore.runs.folder import Run


def test_printed_preprocessing_can_be_changed_in_the_form_in_which_it_is_printed(tmp_path):
    save_file(TIMM["ViT"]().state, tmp_path / "vit.safetensors")
    words = ("import", tmp_path / "vit.safetensors", "--json", "--set", "num_heads=4")

    def imported(*settings):
        done = run(*words, *(word for setting in settings for word in ("--set", setting)))
        assert done.returncode == 0, done.stderr
        (row,) = json.loads(done.stdout)["runs"]
        printed = dict(re.findall(r"\b(mean|std)=(\[.+?\])", row["reason"]))
        return Run(Path(row["path"])).config.preprocessing, printed

    usual, printed = imported()
    assert {name: json.loads(value) for name, value in printed.items()} == {
        "mean": list(usual.mean),
        "std": list(usual.std),
    }
    assert imported(*map("=".join, printed.items())) == (usual, {})
    changed, printed = imported("mean=0.25", "crop=0.9", "interpolation=nearest")
    assert changed == Preprocessing(mean=(0.25,) * 3, std=usual.std, crop=0.9, interpolation="nearest")
    assert printed.keys() == {"std"}
    whole = "preprocessing={mean: [0.1, 0.2, 0.3]}"
    assert imported(whole)[0] == usual.model_copy(update={"mean": (0.1, 0.2, 0.3)})
    check_refused(run(*words, "--set", "mean=2"), "mean")
    check_refused(run(*words, "--set", "median=2"), "median", "mean")


def test_only_a_checkpoint_of_the_tutorials_is_said_to_have_no_event_file(tmp_path):
    file = tmp_path / "vit.safetensors"
    save_file(TIMM["ViT"]().state, file)
    found = import_checkpoint(file, settings={"num_heads": 4})
    reason = found.stored_status().reason
    assert "event file" not in reason
    assert "event file" in import_checkpoint(write_checkpoint(tmp_path, "ResNet")).stored_status().reason
    older = "imported from older.pt, without an event file; it is a ViT"
    for stored, origin in ((reason, "vit.safetensors"), (older, "older.pt")):
        found.write_status(found.stored_status().model_copy(update={"reason": stored}))
        again = import_checkpoint(file, settings={"num_heads": 4})
        assert (again, again.stored_status().reason) == (found, reason.replace("vit.safetensors", origin))


def check_names_of_bad_tensors(state, settings, file):
    """Put NaN into each tensor in turn: it must be called by its name, perhaps without that of a wrapper."""
    for name, value in state.items():
        if not value.is_floating_point():
            continue
        bad = value.clone()
        bad.view(-1)[-1] = float("nan")
        save_file({**state, name: bad}, file)
        with pytest.raises(UserError, match="not finite") as error:
            import_checkpoint(file, settings=settings)
        (said,) = re.findall(r"\((\S+?)\)", str(error.value))
        assert name == said or (said not in state and name.endswith(f".{said}"))


@pytest.mark.parametrize("kind", [("timm", "ViT"), ("transformers", "ViT"), ("torchvision", "ViT")])
def test_tensor_of_a_vit_that_is_not_finite_has_its_name_in_the_file(kind, tmp_path):
    case = CASES[kind]()
    check_names_of_bad_tensors(case.state, case.settings, tmp_path / "bad.safetensors")


def test_tensor_of_a_resnet_that_is_not_finite_has_its_name_in_the_file(tmp_path):
    case = SMALL["torchvision: basic blocks"]()
    check_names_of_bad_tensors(case.state, {}, tmp_path / "bad.safetensors")
