"""Pack a finished run into a zip file for sharing, and unpack it again. Imports torch only to unpack.

The zip file holds configuration, curves, result and weights, but nothing about this machine.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import tempfile
import zipfile
from pathlib import Path, PurePath

import numpy as np

from vitcore.config import FOLDER, Config, dump_config, folder_of
from vitcore.errors import UserError
from vitcore.paths import assets_dir, check_allowed, runs_dir
from vitcore.reading import DAMAGED_ZIP, GET_FILE, IS_POINTER, LARGEST, is_lfs_pointer, read_model, short
from vitcore.runs.files import check_space, write_atomic, writing
from vitcore.runs.folder import Run, step_of
from vitcore.runs.metrics import event_files
from vitcore.runs.status import Meta, Status
from vitcore.runs.weights import check_size, not_finite, read_header

LEFT_BY_DESKTOPS = {".DS_Store", "Thumbs.db", "desktop.ini", "__MACOSX"}
LARGEST_RATIO = 100  # maximum ratio of size to packed size, for files of more than FREE_RATIO bytes
FREE_RATIO = 10_000_000  # bytes
MOST_FILES = 5000  # event files, snapshots, and what file managers add
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the decoders of others raise errors of their own
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the date of every packed file, so that packing is reproducible
PACKED = re.compile(  # the files of a packed run; all others are rejected
    r"(\w[\w.-]{0,119})/(config\.yaml|status\.json|meta\.json|events\.out\.tfevents\.[\w.-]{1,99}|"
    r"checkpoints/(?:best|step-\d{1,12})\.safetensors)",
    re.ASCII,
)


def log_spaced(snapshots: list[Path], count: int) -> list[Path]:
    """Return at most `count` of a run's snapshots, log-spaced from the first epoch to the last.

    The snapshot of the untrained model is never included.
    """
    trained = [path for path in snapshots if step_of(path)]
    if count < 2 or not trained:
        return trained[-1:] if count else []
    steps = np.log([step_of(path) for path in trained])
    wanted = np.linspace(steps[0], steps[-1], count)
    return [trained[i] for i in sorted({int(np.abs(steps - w).argmin()) for w in wanted})]


def portable_data(data: str) -> str:
    """Return a dataset as exported files name it: without the path of its folder on this machine."""
    folder = folder_of(data)
    return f"{FOLDER}{folder.name}" if folder else data


def portable(config: Config) -> Config:
    """Return a configuration as exported files hold it: without paths of this machine."""
    names = {"data": portable_data(config.data), "start": PurePath(config.start).name}
    return config.model_copy(update=names)


def packed_events(run: Run) -> dict[str, Path]:
    """Return the event files of a run by their names in an export, which do not contain the host name."""
    return {f"events.out.tfevents.{i:03d}": file for i, file in enumerate(event_files(run.path))}


def check_finished(run: Run) -> Status:
    """Return the status of a finished run. Raise `UserError` when the run is not finished."""
    status = run.status()
    if status.state != "finished":
        raise UserError(f"Run {run.id} is {status.state}: only a finished run can be exported.")
    return status


def without_machine(status: Status) -> Status:
    """Return the status without the details of the process and the machine it ran on."""
    none = dict.fromkeys(("pid", "process_start", "boot_id", "host", "data_dir", "wanted"))
    return status.model_copy(update={**none, "slots": []})


def pack_run(run: Run, *, snapshots: int = 0, weights: bool = True) -> bytes:
    """Return a zip file with one folder named after the run. Unpacked into a runs folder, it is that run.

    The best weights are copied unchanged, so that the stored result remains valid for them. Raise `UserError`
    for a run that is not finished.
    """
    status = check_finished(run)
    files = {
        "config.yaml": dump_config(portable(run.config)).encode(),
        "status.json": without_machine(status).model_dump_json(indent=1).encode(),
        "meta.json": run.meta.model_dump_json(indent=1).encode(),
    }
    files |= {name: file.read_bytes() for name, file in packed_events(run).items()}
    if weights:
        if run.weights is None:
            raise UserError(f"Run {run.id} has no weights: export its curves with --no-weights.")
        if run.weights != run.best:  # its result is that of the best weights, not of a snapshot
            raise UserError(
                f"The best weights of run {run.id} were removed: restore {run.best.name}, or export only its "
                "curves with --no-weights."
            )
        check_size(run.weights)
        files["checkpoints/best.safetensors"] = run.weights.read_bytes()
        for file in log_spaced(run.snapshots, snapshots):
            files[f"checkpoints/{file.name}"] = file.read_bytes()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(f"{run.id}/{name}", LONG_AGO)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system, entry.external_attr = 3, 0o644 << 16  # the same on every system
            archive.writestr(entry, content)
    return packed.getvalue()


def unpack_run(file: Path, root: str | Path | None = None) -> Run:
    """Unpack a zip file of `pack_run` into the runs folder and return the run.

    Raise `UserError` for any other zip file, and when a run of that name exists or is bundled.
    """
    check_allowed()
    home = runs_dir(root)
    try:
        with zipfile.ZipFile(file) as archive:
            found = _packed_files(archive, file)
            place = home / next(iter(found.values()))[1]
            if (assets_dir() / "runs" / place.name).exists():  # links could not distinguish two equal ids
                raise UserError(
                    f"There is a bundled run {place.name}: to have both, unzip the file in {home} "
                    "and rename its folder."
                )
            if place.exists():
                raise UserError(f"There is a run {place.name} in {home}: delete it or choose another folder.")
            check_space(home, sum(archive.getinfo(name).file_size for name in found))
            home.mkdir(parents=True, exist_ok=True)
            draft = Run(Path(tempfile.mkdtemp(dir=home, prefix=".unpack-")))
            try:
                for name, match in found.items():
                    target = draft.path / match[2]
                    target.parent.mkdir(exist_ok=True)
                    with archive.open(name) as packed, target.open("wb") as out:
                        shutil.copyfileobj(packed, out)
                _check_unpacked(draft, file)
                draft.write_status(without_machine(draft.read_status()))
                draft.path.chmod(0o755)
                os.rename(draft.path, place)
            except BaseException:
                shutil.rmtree(draft.path, ignore_errors=True)
                raise
    except DAMAGED_ZIP:
        if is_lfs_pointer(file):
            raise UserError(f"{file} {IS_POINTER}: {GET_FILE}.") from None
        raise UserError(f"{file} is damaged or is not a zip of a run: export the run again.") from None
    return Run(place)


def _packed_files(archive: zipfile.ZipFile, file: Path) -> dict[str, re.Match[str]]:
    """Return the files of the run in a zip file, with their `PACKED` match.

    The folders in a name may be separated by backslashes, as some programs for Windows write them.
    Ignores folders, and the files that file managers add when they pack a folder. Raise `UserError` for
    anything else, and for sizes that no run has.
    """
    found: dict[str, re.Match[str]] = {}
    if len(archive.infolist()) > MOST_FILES:
        raise UserError(
            f"{file} holds {len(archive.infolist()):,} files, more than any run has: export the run again."
        )
    for entry in archive.infolist():
        name = entry.filename.replace("\\", "/")
        parts = name.removesuffix("/").split("/")
        if parts[0] == "__MACOSX" or parts[-1] in LEFT_BY_DESKTOPS or parts[-1].startswith("._"):
            continue
        if name.endswith("/") and (len(parts) == 1 or parts[1:] == ["checkpoints"]):
            continue
        match = PACKED.fullmatch(name)
        if match is None:
            raise _not_packed(name, file)
        if name in {other[0] for other in found.values()}:
            raise UserError(f"{file} holds {entry.filename} twice: pack the run again.")
        if entry.header_offset < 0:  # a damaged directory, where seeking would raise an OSError
            raise zipfile.BadZipFile
        if entry.compress_type not in METHODS:
            raise UserError(
                f"{file} is compressed with a method that is not read: choose a zip of `export`, or pack its "
                "files again with the method Deflate."
            )
        small = match[2] in ("config.yaml", "status.json", "meta.json")
        large = entry.file_size > FREE_RATIO and entry.file_size > LARGEST_RATIO * entry.compress_size
        if large or (small and entry.file_size > LARGEST):
            size = f"{entry.file_size / 1e6:,.0f} MB"
            raise UserError(
                f"{file} would unpack {entry.filename} to {size}, which is too large: export the run again."
            )
        found[entry.filename] = match
    if not found:
        raise UserError(f"{file} contains no files: choose a zip of `export`.")
    if len({match[1] for match in found.values()}) != 1:
        raise UserError(f"{file} contains several runs: pack each of their folders as a zip of its own.")
    return found


def _not_packed(name: str, file: Path) -> UserError:
    """Return the error for a file in a zip that is not one of a packed run."""
    if PACKED.fullmatch(f"run/{name}"):
        return UserError(f"{file} contains the files of a run, but not their folder: pack the folder itself.")
    if name.startswith("-") and PACKED.fullmatch(name.lstrip("-")):
        folder = short(name.partition("/")[0])
        return UserError(
            f"{file} contains the folder {folder}, which commands would take for an option: rename it before "
            "you pack it."
        )
    return UserError(
        f"{file} is not an exported run, because it holds other files: choose a zip of `export`."
    )


def _check_unpacked(run: Run, source: Path) -> None:
    """Raise a `UserError` that names the zip file `source` if a file of an unpacked run cannot be read."""
    try:
        _ = run.config
        status = run.read_status()
        _check_result(run, status)
        if (run.path / "meta.json").exists():
            read_model(run.path / "meta.json", Meta)
        for file in (run.weights, *run.snapshots):
            if file:
                _check_shapes(run, file)
    except UserError as error:  # without the temporary folder, which is removed
        problem = str(error).replace(f"{run.path}{os.sep}", "")
        raise UserError(
            f"{source} holds a damaged run: export the run again. The reason: {problem}"
        ) from None
    if status.state != "finished":
        raise UserError(f"{source} holds a run that is {status.state}: export a finished run.")
    if run.weights and (name := not_finite(run.weights)):
        raise UserError(
            f"The weights {run.weights.name} in this zip are not finite ({name}): export a run that did not "
            "diverge."
        )


def _check_result(run: Run, status: Status) -> None:
    """Raise `UserError` for a test accuracy without a number of test images."""
    result = status.result
    if result.get("test_acc") is not None and not (result.get("n_test") or 0) >= 1:
        raise UserError(f"{run.path / 'status.json'} has a test accuracy without test images: delete it.")


def _check_shapes(run: Run, file: Path) -> None:
    """Raise `UserError` if a file of weights is damaged or does not fit the configuration of the run."""
    from vitcore.models import misfit, shapes_for

    stored = {name: weight.shape for name, weight in read_header(file).items()}
    if problem := misfit(shapes_for(run.config), stored):
        raise UserError(f"{file} does not fit its configuration, {problem}: delete it.")


def check_new(path: Path) -> None:
    """Create the folder of an output file.

    Raise `UserError` when the file exists already, and in read-only mode.
    """
    check_allowed()
    if path.exists():
        raise UserError(f"{path} exists: choose another file.")
    with writing(path.parent, "another file"):
        path.parent.mkdir(parents=True, exist_ok=True)


def write_new(path: Path, content: bytes) -> None:
    """Write a new file atomically. Raise `UserError` when it exists or cannot be written."""
    check_new(path)
    with writing(path, "another file"):
        write_atomic(path, content)
