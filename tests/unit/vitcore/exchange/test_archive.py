"""A packed run unpacks to the same run and holds nothing about the machine."""

from __future__ import annotations

import io
import json
import random
import re
import shutil
import socket
import zipfile

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.utils.tensorboard import SummaryWriter

from tests.conftest import TINY_VIT
from tests.made_runs import make_run, own_copy
from tests.packed_runs import same_curves, unpack
from vitcore.errors import UserError
from vitcore.exchange.archive import pack_run, unpack_run
from vitcore.exchange.folder import export_run
from vitcore.models import load_run
from vitcore.models.weight_files import AGAIN
from vitcore.paths import runs_dir
from vitcore.runs.folder import find_run, list_runs
from vitcore.runs.metrics import read_scalars


def test_packed_bundled_run_keeps_its_exact_weights(tmp_path):
    run = find_run("vit-cifar10")
    content = pack_run(run)
    unpack(content, runs_dir())
    again = find_run("vit-cifar10")
    assert again.path == runs_dir() / "vit-cifar10"
    assert again.best.read_bytes() == run.best.read_bytes()
    same_curves(again, run)
    names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    assert all(name.startswith("vit-cifar10/") and ".." not in name for name in names)


def test_runs_that_cannot_be_packed_are_rejected(tmp_path):
    run = make_run(tmp_path, "young", model="resnet")
    run.write_status(run.stored_status().model_copy(update={"state": "stopped"}))
    with pytest.raises(UserError, match=rf"{run.id}.* stopped"):
        pack_run(run)
    with pytest.raises(UserError, match="--no-weights"):
        pack_run(find_run("vit-equal-time"))
    names = zipfile.ZipFile(io.BytesIO(pack_run(find_run("vit-equal-time"), weights=False))).namelist()
    assert not [name for name in names if "checkpoints" in name]


def scored(**result):
    return json.dumps({"state": "finished", "result": result}).encode()


def zipped(place, files):
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return place


def test_imported_zip_is_the_run(tmp_path):
    run, file = own_copy("resnet-cifar10", tmp_path), tmp_path / "run.zip"
    file.write_bytes(pack_run(run))
    again = unpack_run(file)
    assert again.path == runs_dir() / "own-resnet-cifar10"
    assert (again.config, again.status().result) == (run.config, run.status().result)
    images = torch.randn(4, 3, 32, 32)
    with torch.inference_mode():
        assert torch.equal(load_run(again)(images), load_run(run)(images))
    same_curves(again, run)
    with pytest.raises(UserError, match="own-resnet-cifar10"):
        unpack_run(file)


def test_zip_of_a_bundled_run_is_not_imported(tmp_path):
    file = tmp_path / "run.zip"
    file.write_bytes(pack_run(find_run("resnet-cifar10")))
    with pytest.raises(UserError, match=r"bundled.* resnet-cifar10"):
        unpack_run(file)
    assert len([run for run in list_runs() if run.id == "resnet-cifar10"]) == 1


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"own-resnet-cifar10/../../evil.yaml": b""}, r"run\.zip"),
        ({"/tmp/config.yaml": b""}, r"run\.zip"),
        ({"other/config.yaml": b""}, r"run\.zip"),
        ({"own-resnet-cifar10/checkpoints/last.ckpt": b""}, r"run\.zip"),
        ({"own-resnet-cifar10/config.yaml": b"model: none"}, "none"),
        ({"own-resnet-cifar10/config.yaml": None}, "config"),
        ({"own-resnet-cifar10/status.json": b"{}"}, "status.json"),
        ({"own-resnet-cifar10/status.json": scored(test_acc=1.0, n_test=0)}, "status.json"),
        ({"own-resnet-cifar10/status.json": scored(test_acc=1.0)}, "test images"),
        ({"own-resnet-cifar10/status.json": b'{"state": "running"}'}, "running"),
        ({"own-resnet-cifar10/status.json": b'{"state": "finished", "created": 1e308}'}, "status.json"),
        ({"own-resnet-cifar10/meta.json": b'{"title": 3}'}, "meta.json"),
        ({"own-resnet-cifar10/meta.json": b" " * 2_000_000}, "2 MB"),
        ({"own-resnet-cifar10/config.yaml": b"#" * 30_000_000}, "30 MB"),
        ({"own-resnet-cifar10/events.out.tfevents.7": bytes(30_000_000)}, "30 MB"),
        ({"own-resnet-cifar10/checkpoints/best.safetensors": b"12345678{}"}, "best.safetensors"),
        ({"own-resnet-cifar10/checkpoints/step-0000007.safetensors": b""}, "step-0000007"),
        (None, r"run\.zip"),
    ],
)
def test_other_zip_is_rejected_and_leaves_nothing(change, named, tmp_path):
    with zipfile.ZipFile(io.BytesIO(pack_run(own_copy("resnet-cifar10", tmp_path)))) as archive:
        files = {name: archive.read(name) for name in archive.namelist()} | (change or {})
    file = zipped(tmp_path / "run.zip", {k: v for k, v in files.items() if v is not None})
    if change is None:
        content = bytearray(file.read_bytes())
        content[3000:3100] = bytes(100)
        file.write_bytes(content)
    with pytest.raises(UserError, match=named):
        unpack_run(file)
    assert not runs_dir().exists() or not list(runs_dir().iterdir())
    assert not (tmp_path / "evil.yaml").exists()


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, 95])
@pytest.mark.parametrize("damaged", [False, True])
def test_zip_with_another_compression_is_refused_with_advice(method, damaged, tmp_path):
    packed = pack_run(own_copy("resnet-cifar10", tmp_path))
    file = tmp_path / "run.zip"
    with zipfile.ZipFile(io.BytesIO(packed)) as archive, zipfile.ZipFile(file, "w") as again:
        for name in archive.namelist():
            again.writestr(name, archive.read(name), zipfile.ZIP_DEFLATED if method == 95 else method)
    content = bytearray(file.read_bytes())
    if method == 95:  # xz, which Python does not know
        at = content.index(b"PK\x01\x02")
        content[at + 10] = method
    if damaged:
        content[2000:2100] = bytes(100)
    file.write_bytes(content)
    with pytest.raises(UserError, match="Deflate"):
        unpack_run(file)
    assert not runs_dir().exists() or not list(runs_dir().iterdir())


def test_damage_anywhere_in_a_zip_gives_one_sentence(tmp_path):
    whole = pack_run(own_copy("vit-equal-time", tmp_path), weights=False)
    draw, file = random.Random(0), tmp_path / "run.zip"
    for _ in range(300):
        content = bytearray(whole)
        for _ in range(draw.randint(1, 5)):
            at = draw.choice([draw.randrange(len(content)), -draw.randrange(1, 400)])
            content[at] = draw.randrange(256)
        file.write_bytes(content)
        try:
            shutil.rmtree(unpack_run(file).path)
        except UserError as error:
            assert str(file) in str(error) or "vit-equal-time" in str(error)  # noqa: PT017


def test_weights_of_another_network_are_refused(tmp_path):
    run = make_run(tmp_path, "mixed", model="vit")
    run.best.write_bytes(find_run("resnet-cifar10").best.read_bytes())
    file = tmp_path / "run.zip"
    file.write_bytes(pack_run(run))
    with pytest.raises(UserError, match=r"best\.safetensors does not fit") as error:
        unpack_run(file)
    assert "state_dict" not in str(error.value)
    assert not list(runs_dir().iterdir())
    with pytest.raises(UserError, match=r"best\.safetensors .*do not fit") as error:
        load_run(run)
    assert "state_dict" not in str(error.value)


def test_zip_with_a_duplicate_file_is_rejected(tmp_path):
    file = tmp_path / "run.zip"
    file.write_bytes(pack_run(own_copy("resnet-cifar10", tmp_path)))
    with (
        zipfile.ZipFile(file, "a") as archive,
        pytest.warns(UserWarning, match="Duplicate"),
    ):
        archive.writestr("own-resnet-cifar10/config.yaml", "model: vit")
    with pytest.raises(UserError, match=r"own-resnet-cifar10/config\.yaml"):
        unpack_run(file)
    assert not list(runs_dir().iterdir()) if runs_dir().exists() else True


def test_run_repacked_by_a_file_manager_is_imported(tmp_path):
    """Finder, Explorer and `zip -r` add folders and files of their own."""
    run = own_copy("resnet-cifar10", tmp_path)
    with zipfile.ZipFile(io.BytesIO(pack_run(run))) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    extra = ["own-resnet-cifar10/.DS_Store", "own-resnet-cifar10/checkpoints/Thumbs.db", ".DS_Store"]
    extra += ["__MACOSX/._own-resnet-cifar10", "__MACOSX/own-resnet-cifar10/._config.yaml"]
    extra += ["own-resnet-cifar10/desktop.ini", "own-resnet-cifar10/checkpoints/._best.safetensors"]
    file = zipped(tmp_path / "again.zip", {**files, **dict.fromkeys(extra, b"left behind")})
    with zipfile.ZipFile(file, "a") as archive:
        for folder in ("__MACOSX", "own-resnet-cifar10", "own-resnet-cifar10/checkpoints"):
            archive.mkdir(folder)
    again = unpack_run(file)
    assert again.config == run.config
    assert again.best.read_bytes() == run.best.read_bytes()
    found = {path.name for path in again.path.rglob("*") if path.is_file()}
    assert found == {name.rsplit("/", 1)[-1] for name in files}


def test_run_packed_with_backslashes_is_imported(tmp_path):
    """Programs on .NET before 4.6.1 write them, also at the end of folders."""
    run = own_copy("resnet-cifar10", tmp_path)
    with zipfile.ZipFile(io.BytesIO(pack_run(run))) as archive:
        files = {name.replace("/", "\\"): archive.read(name) for name in archive.namelist()}
    folders = {"own-resnet-cifar10\\": b"", "own-resnet-cifar10\\checkpoints\\": b""}
    again = unpack_run(zipped(tmp_path / "windows.zip", {**folders, **files}))
    assert again.config == run.config
    assert again.best.read_bytes() == run.best.read_bytes()
    assert not [path for path in again.path.rglob("*") if "\\" in path.name]


@pytest.mark.parametrize(
    "name", ["own-resnet-cifar10\\..\\..\\evil.yaml", "C:\\config.yaml", "\\\\x\\config.yaml"]
)
def test_backslashes_lead_to_no_other_folder(name, tmp_path):
    with zipfile.ZipFile(io.BytesIO(pack_run(own_copy("resnet-cifar10", tmp_path)))) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    with pytest.raises(UserError, match="other files"):
        unpack_run(zipped(tmp_path / "run.zip", {**files, name: b""}))


def test_file_that_is_in_a_zip_with_both_separators_is_refused(tmp_path):
    with zipfile.ZipFile(io.BytesIO(pack_run(own_copy("resnet-cifar10", tmp_path)))) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    twice = {"own-resnet-cifar10\\config.yaml": files["own-resnet-cifar10/config.yaml"]}
    with pytest.raises(UserError, match="twice"):
        unpack_run(zipped(tmp_path / "run.zip", {**files, **twice}))


def test_a_run_whose_weights_are_not_finite_is_rejected(tmp_path):
    run = own_copy("resnet-cifar10", tmp_path)
    weights = load_file(run.best)
    weights["output_net.2.bias"][4] = float("nan")
    save_file(weights, run.best)
    file = tmp_path / "run.zip"
    file.write_bytes(pack_run(run))
    with pytest.raises(UserError, match=r"not finite \(output_net\.2\.bias\)"):
        unpack_run(file)
    assert not list(runs_dir().iterdir())


@pytest.mark.parametrize(
    "change",
    [
        {"own-resnet-cifar10/meta.json": b"x"},
        {"own-resnet-cifar10/config.yaml": b"model: none"},
        {"own-resnet-cifar10/status.json": b'{"state": "queued"}'},
        {"own-resnet-cifar10/status.json": b"x"},
        {"own-resnet-cifar10/checkpoints/best.safetensors": b"x"},
    ],
)
def test_sentence_about_a_damaged_zip_names_the_zip_and_no_temporary_folder(change, tmp_path):
    with zipfile.ZipFile(io.BytesIO(pack_run(own_copy("resnet-cifar10", tmp_path)))) as archive:
        files = {name: archive.read(name) for name in archive.namelist()} | change
    file = zipped(tmp_path / "run.zip", files)
    with pytest.raises(UserError) as error:
        unpack_run(file)
    assert str(file) in str(error.value)
    assert ".unpack" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "content", "named"),
    [
        ("config.yaml", b"hello", "`name: value`"),
        ("config.yaml", b"unheard_of: 1", "unheard_of"),
        ("checkpoints/best.safetensors", b"x", AGAIN),
    ],
)
def test_sentence_about_a_damaged_zip_contains_the_complete_reason(name, content, named, tmp_path):
    with zipfile.ZipFile(io.BytesIO(pack_run(own_copy("resnet-cifar10", tmp_path)))) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files[f"own-resnet-cifar10/{name}"] = content
    with pytest.raises(UserError, match=re.escape(str(tmp_path / "run.zip"))) as error:
        unpack_run(zipped(tmp_path / "run.zip", files))
    assert named in str(error.value)
    assert str(error.value).count("(") == str(error.value).count(")")


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ([], "no files"),
        (["x/"], "no files"),
        (["config.yaml", "status.json", "checkpoints/best.safetensors"], "not their folder"),
        (["a/config.yaml", "b/config.yaml"], "several runs"),
        (["--help/config.yaml"], "'--help'.* option"),
        (["a/config.yaml", "a/photo.jpg"], "other files"),
    ],
)
def test_zip_that_is_no_run_is_refused_with_the_reason(names, reason, tmp_path):
    with pytest.raises(UserError, match=reason):
        unpack_run(zipped(tmp_path / "run.zip", dict.fromkeys(names, b"")))


def test_zip_of_more_files_than_any_run_has_is_refused_before_it_is_unpacked(tmp_path):
    with zipfile.ZipFile(
        io.BytesIO(pack_run(own_copy("resnet-cifar10", tmp_path), weights=False))
    ) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    many = {f"own-resnet-cifar10/events.out.tfevents.{i:05d}": b"" for i in range(5000)}
    with pytest.raises(UserError, match=r"run\.zip holds 5,00. files"):
        unpack_run(zipped(tmp_path / "run.zip", {**files, **many}))
    assert not runs_dir().exists() or not list(runs_dir().iterdir())


def test_snapshot_is_not_exported_as_the_best_weights(tmp_path):
    run = own_copy("resnet-cifar10", tmp_path)
    run.best.rename(run.checkpoints / "step-0000007.safetensors")
    with pytest.raises(UserError, match=r"best\.safetensors"):
        pack_run(run)
    assert pack_run(run, weights=False)


def test_exported_folder_names_neither_folders_nor_the_host_of_this_machine(tmp_path):
    private = tmp_path / "private"
    run = make_run(
        tmp_path / "runs", "pets", data=f"folder:{private / 'pets'}", classes=("cat", "dog"), **TINY_VIT
    )
    with SummaryWriter(str(run.path)) as writer:
        writer.add_scalar("val_acc", 0.5, 1)
    assert "private" in (run.path / "config.yaml").read_text()
    assert socket.gethostname() in next(run.path.glob("*tfevents*")).name
    shared = export_run(run, tmp_path / "shared", weights=False)
    assert shared.config == run.config.model_copy(update={"data": "folder:pets"})
    assert [file.name for file in shared.path.glob("*tfevents*")] == ["events.out.tfevents.000"]
    assert read_scalars(shared.path)["val_acc"].values.tolist() == [0.5]
