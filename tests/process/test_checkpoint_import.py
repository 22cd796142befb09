"""Checkpoints of other programs as runs: prefixes, bare weights, safetensors, and what is refused."""

from __future__ import annotations

import pickle
import tarfile
import warnings
import zipfile

import pytest
import torch
from safetensors.torch import save_file

from tests.command_line import check_refused, run
from tests.made_runs import make_run
from tests.published_site import PUBLISHED, write_checkpoint
from vitcore.errors import UserError
from vitcore.exchange.checkpoint import import_checkpoint
from vitcore.exchange.folder import export_run
from vitcore.exchange.tensors import without_prefix
from vitcore.models import build, load_run, weights_of
from vitcore.runs.folder import Run, list_runs
from vitcore.runs.metrics import event_files

SMALL = {  # options unlike the defaults, and what the shapes of the weights do not show
    "vit": (
        {"embed_dim": 24, "hidden_dim": 40, "num_heads": 3, "num_layers": 2, "patch_size": 8, "pool": "mean"},
        ["num_heads=3"],
    ),
    "mixer": (
        {"embed_dim": 16, "token_dim": 8, "channel_dim": 24, "num_layers": 3, "patch_size": 16},
        [],
    ),
    "cct": ({"embed_dim": 24, "num_heads": 3, "num_layers": 2, "patch_size": 4}, ["num_heads=3"]),
    "resnet": ({"c_hidden": (4, 6, 6, 8), "num_blocks": (1, 3, 1, 2)}, []),
    "preactresnet": ({"c_hidden": (4, 6, 6), "num_blocks": (2, 1, 3)}, []),
    "googlenet": ({}, []),
    "densenet": ({"num_layers": (2, 3, 1), "bn_size": 3, "growth_rate": 5}, []),
}


def weights(model: str = "resnet", **options) -> dict[str, torch.Tensor]:
    """Return the weights of a small network, all different."""
    torch.manual_seed(1)
    return weights_of(build(model, **{**SMALL[model][0], **options}))


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(content, path) if path.suffix == ".safetensors" else torch.save(content, path)
    return path


def check_same(found: Run, state) -> None:
    loaded = load_run(found).state_dict()
    assert loaded.keys() == state.keys()
    assert all(torch.equal(loaded[name], value.float()) for name, value in state.items())


@pytest.mark.parametrize("suffix", ["pt", "safetensors"])
@pytest.mark.parametrize("model", SMALL)
def test_options_are_read_off_the_shapes_of_bare_weights(model, suffix, tmp_path):
    file, (options, given) = tmp_path / f"mine.{suffix}", SMALL[model]
    arguments = [part for text in given for part in ("--set", text)]
    done = run("import", write(file, weights(model)), "--model", model, *arguments)
    assert done.returncode == 0, done.stderr
    found = Run(list_runs(bundled=False)[0].path)
    assert done.stdout.strip() == str(found.path)
    assert {name: found.config.options[name] for name in options} == options
    assert (found.config.data, found.config.num_classes, found.config.image_size) == ("cifar10", 10, 32)
    check_same(found, weights(model))
    assert found.status().result == {}  # nothing is known about their scores
    assert "evaluate" in done.stderr


@pytest.mark.parametrize(
    "prefix",
    [
        "",
        "model.",
        "module.",
        "_orig_mod.",
        "module._orig_mod.",
        "_orig_mod.module.",
        "model._orig_mod.",
        "model.module._orig_mod.",
        "_orig_mod.model.",
    ],
)
def test_prefixes_of_wrappers_are_removed(prefix, tmp_path):
    plain = torch.load(write_checkpoint(tmp_path, "ResNet"), weights_only=True)["state_dict"]
    state = {name.removeprefix("model."): value for name, value in plain.items()}
    renamed = {prefix + name: value for name, value in state.items()}
    check_same(import_checkpoint(write_checkpoint(tmp_path / "other", "ResNet", state_dict=renamed)), state)
    bare = write(tmp_path / "bare.pt", renamed)
    assert load_run(import_checkpoint(bare, model="resnet")).state_dict().keys() == state.keys()


def test_compiled_part_of_a_model_loses_its_prefix():
    assert without_prefix("model.blocks._orig_mod.0.weight") == "blocks.0.weight"
    assert without_prefix("blocks.module.weight") == "blocks.module.weight"


def test_weights_of_real_wrappers_are_imported(tmp_path):
    torch.manual_seed(1)
    net = build("resnet", **SMALL["resnet"][0])
    wrapped = {
        "parallel": torch.nn.DataParallel(net),
        "compiled": torch.compile(net, backend="eager"),  # "inductor" takes seconds to load
        "averaged": torch.optim.swa_utils.AveragedModel(net),
    }
    for name, model in wrapped.items():
        found = import_checkpoint(write(tmp_path / f"{name}.pt", model.state_dict()), model="resnet")
        check_same(found, weights_of(net))


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model"])
def test_weights_inside_the_dictionary_of_a_training_script_are_found(key, tmp_path):
    content = {key: weights(), "optimizer": {"state": {}, "lr": 0.1}, "epoch": 7, "args": {"lr": 0.1}}
    check_same(import_checkpoint(write(tmp_path / "best.pt", content), model="resnet"), weights())


def test_exported_weights_of_our_own_run_are_imported_again(tmp_path):
    made = make_run(tmp_path / "runs", "mine", model="resnet", c_hidden=[4, 8], num_blocks=[1, 2])
    made.write_status(made.stored_status().model_copy(update={"result": {"weights": "float16"}}))
    exported = export_run(made, tmp_path / "exported")
    check_refused(run("import", exported.best), "--model", "best.safetensors")
    found = import_checkpoint(exported.best, model="resnet")
    assert found.config.options == made.config.options
    check_same(found, load_run(exported).state_dict())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_other_precision_become_float32(dtype, tmp_path):
    state = {name: v.to(dtype) if v.is_floating_point() else v for name, v in weights().items()}
    found = import_checkpoint(write(tmp_path / "half.pt", state), model="resnet")
    check_same(found, state)
    assert {v.dtype for v in load_run(found).state_dict().values()} == {torch.float32, torch.int64}


def test_vit_of_other_image_size_and_classes_names_its_data(colors, tmp_path):
    torch.manual_seed(0)
    net = build("vit", image_size=48, num_classes=2, **SMALL["vit"][0] | {"pool": "cls"})
    file = write(tmp_path / "two.pt", net.state_dict())
    given = ["import", file, "--model", "vit", "--set", "num_heads=3"]
    check_refused(run(*given), "48", "folder:PATH")
    assert run(*given, "--data", f"folder:{colors}").returncode == 0
    (found,) = list_runs(bundled=False)
    assert found.config.classes == ("blue", "red")
    assert (found.config.image_size, found.config.options["pool"]) == (48, "cls")
    check_same(found, net.state_dict())


def test_number_of_classes_must_be_that_of_the_data(colors, tmp_path):
    file = write(tmp_path / "ten.pt", weights())
    with pytest.raises(UserError, match=r"10 classes.*has 2"):
        import_checkpoint(file, model="resnet", data=f"folder:{colors}")
    three = write(tmp_path / "three.pt", weights_of(build("resnet", num_classes=3)))
    with pytest.raises(UserError, match=r"3 classes.*--data"):
        import_checkpoint(three, model="resnet")


def test_options_that_the_shapes_do_not_show_must_be_given(tmp_path):
    file = write(tmp_path / "vit.pt", weights("vit"))
    check_refused(run("import", file, "--model", "vit"), "num_heads", "--set")
    fixed = write(tmp_path / "sincos.pt", weights("vit", position="sincos"))
    check_refused(run("import", fixed, "--model", "vit", "--set", "num_heads=3"), "position", "--set")
    given = {"num_heads": 3, "position": "sincos", "norm": "post"}
    found = import_checkpoint(fixed, model="vit", settings=given)
    assert {name: found.config.options[name] for name in given} == given
    assert "norm" not in found.status().reason
    assert "norm=pre" in import_checkpoint(file, model="vit", settings={"num_heads": 3}).status().reason


def refusals(place):
    """Return files that cannot be imported: (file, arguments, words of the sentence)."""
    state = weights()
    less = {name: value for name, value in state.items() if not name.startswith("blocks.2.")}
    bias = "output_net.2.bias"
    yield write(place / "bare.pt", state), [], ["bare.pt", "--model", "densenet"]
    yield write(place / "bare.safetensors", state), [], ["bare.safetensors", "--model"]
    yield write(place / "name.pt", state), ["--model", "vgg"], ["vgg", "densenet"]
    yield write(place / "other.pt", state), ["--model", "vit"], ["other.pt", "--model", "input_net.0.weight"]
    yield write(place / "pre.pt", state), ["--model", "preactresnet"], ["blocks.0.net.0.weight", "--model"]
    yield write(place / "less.pt", less), ["--model", "resnet"], ["blocks.2"]
    yield write(place / "more.pt", {**state, "extra": torch.ones(1)}), ["--model", "resnet"], ["extra"]
    wrong = {**state, bias: torch.ones(7)}
    yield write(place / "shape.pt", wrong), ["--model", "resnet"], [bias, "[7] instead of [10]"]
    flat = {**state, "input_net.0.weight": torch.ones(4)}
    yield write(place / "flat.pt", flat), ["--model", "resnet"], ["input_net.0.weight", "[4]"]
    whole = {**state, bias: torch.ones(10, dtype=torch.int8)}
    yield write(place / "int8.pt", whole), ["--model", "resnet"], [bias, "int8"]
    option = ["--model", "resnet", "--set", "depth=3"]
    yield write(place / "option.pt", state), option, ["depth", "c_hidden"]
    bounds = ["--model", "resnet", "--set", "num_blocks=[99]"]
    yield write(place / "bounds.pt", state), bounds, ["num_blocks"]
    twice = {**state, f"module.{bias}": state[bias]}
    yield write(place / "twice.pt", twice), ["--model", "resnet"], [bias, "two models"]
    yield write(place / "nested.pt", {"state_dict": {"a": 1}}), ["--model", "resnet"], ["nested.pt", "'a'"]
    yield write(place / "none.pt", {}), ["--model", "resnet"], ["none.pt", "state_dict"]
    yield write(place / "tensor.pt", torch.ones(3)), [], ["tensor.pt", "state_dict"]
    tutorial = write_checkpoint(place, "ResNet")
    yield tutorial, ["--set", "num_blocks=[3,3,3]"], ["ResNet.ckpt", "--model"]
    for name, value in (("epoch", -3), ("epoch", 10**30), ("global_step", True)):
        file = write_checkpoint(place / f"{name}{value}", "ResNet", **{name: value})
        yield file, [], ["ResNet.ckpt", name, "again"]
    (place / "empty.safetensors").write_bytes(b"")
    yield place / "empty.safetensors", ["--model", "resnet"], ["empty.safetensors", "empty"]
    cut = write(place / "cut.safetensors", state)
    cut.write_bytes(cut.read_bytes()[:-10])
    yield cut, ["--model", "resnet"], ["cut.safetensors", "damaged"]
    (place / "folder").mkdir()
    yield place / "folder", [], ["folder"]
    with tarfile.open(place / "weights.tar", "w") as archive:
        archive.add(cut, "cut.safetensors")
    yield place / "weights.tar", [], ["weights.tar", "tar", "unpack"]
    with zipfile.ZipFile(place / "pictures.pt", "w") as archive:
        archive.writestr("a.txt", "a")
    yield place / "pictures.pt", [], ["pictures.pt", "zip"]
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), place / "scripted.pt")
    yield place / "scripted.pt", ["--model", "resnet"], ["scripted.pt", "TorchScript", "state_dict"]
    torch.save(torch.nn.Linear(2, 2), place / "module.pt")
    yield place / "module.pt", ["--model", "resnet"], ["module.pt", "state_dict"]


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize 3000\n" % (b"0" * 64)


@pytest.mark.parametrize("name", ["best.safetensors", "last.ckpt", "weights.pt", "run.zip"])
def test_pointer_of_git_lfs_is_reported_as_a_git_lfs_pointer(name, tmp_path):
    (tmp_path / name).write_bytes(POINTER)
    model = [] if name == "run.zip" else ["--model", "resnet"]
    done = run("import", tmp_path / name, *model)
    check_refused(done, name, "Git LFS", "git lfs pull")
    assert "copy it again" not in done.stderr


def test_pointer_of_git_lfs_in_place_of_curves_or_of_the_weights_of_a_run_is_reported(tmp_path):
    (tmp_path / "events.out.tfevents.1").write_bytes(POINTER)
    given = ["import", write(tmp_path / "a.pt", weights()), "--model", "resnet", "--events"]
    check_refused(run(*given, tmp_path / "events.out.tfevents.1"), "events.out.tfevents.1", "git lfs pull")
    made = make_run(tmp_path / "runs", "cloned", model="resnet", c_hidden=[4, 8], num_blocks=[1, 2])
    made.best.write_bytes(POINTER)
    check_refused(run("evaluate", made.id), "best.safetensors", "git lfs pull")


def test_other_files_are_refused_in_one_sentence_and_leave_nothing(tmp_path):
    for file, arguments, words in refusals(tmp_path):
        done = run("import", file, *arguments)
        check_refused(done, *words)
        assert done.stderr.strip().endswith(".")
        assert list_runs(bundled=False) == [], file
        assert not list((tmp_path / "runs").glob(".*")), file


def test_number_too_large_for_float32_counts_as_not_finite(tmp_path):
    state = {name: v.double() if v.is_floating_point() else v for name, v in weights().items()}
    state["output_net.2.bias"][3] = 1e300
    file = write(tmp_path / "double.pt", state)
    check_refused(run("import", file, "--model", "resnet"), "not finite", "output_net.2.bias")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("name", ["model.output_net.2.bias", "model.input_net.1.running_var"])
def test_weights_that_are_not_finite_are_refused(name, value, tmp_path):
    state = torch.load(write_checkpoint(tmp_path, "ResNet"), weights_only=True)["state_dict"]
    state[name][3] = value
    file = write_checkpoint(tmp_path / "bad", "ResNet", state_dict=state)
    check_refused(run("import", file), "ResNet.ckpt", "not finite", name.removeprefix("model."))
    assert list_runs(bundled=False) == []


def test_torchscript_is_refused_without_a_warning_of_torch(tmp_path):
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), tmp_path / "scripted.pt")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_refused(run("import", tmp_path / "scripted.pt"), "TorchScript")


class Payload:
    def __reduce__(self):
        return print, ("executed",)


@pytest.mark.parametrize("protocol", [2, 4])
def test_payload_in_a_pickle_is_not_executed(protocol, tmp_path):
    content = {"state_dict": {**weights(), "x": Payload()}}
    torch.save(content, tmp_path / "zip.pt", pickle_protocol=protocol)
    torch.save(content, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    (tmp_path / "raw.pkl").write_bytes(pickle.dumps(Payload(), protocol))
    for name in ("zip.pt", "old.pt", "raw.pkl"):
        done = run("import", tmp_path / name, "--model", "resnet")
        check_refused(done, name)
        assert "executed" not in done.stdout + done.stderr


def test_model_is_refused_for_a_complete_source(tmp_path):
    (tmp_path / "run.zip").write_bytes(b"")
    for source in ("tutorial", tmp_path / "run.zip"):
        check_refused(run("import", source, "--model", "vit"), str(source), "--model")


def test_repeated_import_returns_the_first_run_until_the_network_differs(tmp_path):
    file = write(tmp_path / "vit.pt", weights("vit"))
    first = import_checkpoint(file, model="vit", settings={"num_heads": 3})
    assert import_checkpoint(file, model="vit", settings={"num_heads": 3}) == first
    assert import_checkpoint(file, model="vit", settings={"num_heads": 4}) != first
    renamed = file.rename(tmp_path / "renamed.pt")
    again = import_checkpoint(renamed, model="vit", settings={"num_heads": 3})
    assert (again, again.title, first.title) == (first, *2 * ("ViT, imported (vit)",))
    assert again.stored_status().reason.startswith("imported from vit.pt; assumed: ")
    for heads, said in ((3, True), (2, False)):
        printed = run("import", renamed, "--model", "vit", "--set", f"num_heads={heads}").stderr
        assert ("already there: ViT, imported (vit)" in printed) == said


@pytest.mark.parametrize("name", PUBLISHED)
def test_file_of_unknown_origin_is_not_titled_published(name, tmp_path):
    assert "published" not in import_checkpoint(write_checkpoint(tmp_path, name)).title


def test_event_files_above_the_folder_checkpoints_are_found(shared, tmp_path):
    version = tmp_path / "version_0"
    file = write_checkpoint(version / "checkpoints", "ResNet")
    events = (shared / "tutorial" / "events.out.tfevents.resnet").read_bytes()
    (version / "events.out.tfevents.1600000000.host.1.0").write_bytes(events)
    found = import_checkpoint(file)
    assert [path.name for path in event_files(found.path)] == ["events.out.tfevents.1600000000.host.1.0"]
    assert found.status().result["val_acc"] == pytest.approx(0.9184)


def test_flipped_bits_of_a_checkpoint_are_found_although_torch_does_not_look(tmp_path):
    """A checkpoint saved without checksums is still imported."""
    file = write(tmp_path / "whole.pt", weights())
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "flipped.pt").write_bytes(content)
    assert torch.load(tmp_path / "flipped.pt", weights_only=True)
    check_refused(run("import", tmp_path / "flipped.pt", "--model", "resnet"), "flipped.pt", "damaged")
    torch.serialization.set_crc32_options(False)
    try:
        write(tmp_path / "without.pt", weights())
    finally:
        torch.serialization.set_crc32_options(True)
    assert run("import", tmp_path / "without.pt", "--model", "resnet").returncode == 0


@pytest.mark.parametrize("address", ["https://" + "x" * 300 + "/a", "http://[x/a", "http://a:b/c", "http://"])
def test_an_address_that_is_none_is_refused_in_one_sentence(address):
    check_refused(run("import", address), "cannot be downloaded")
