"""Texts that come from others (titles, notes, tags, classes, folders) are never Markdown of a page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from google.protobuf.json_format import MessageToDict
from safetensors.torch import save_file
from torch.utils.tensorboard import SummaryWriter

from tests.apptests import open_app
from tests.conftest import TINY_RESNET, TINY_VIT, make_folder
from tests.made_runs import make_run
from vitcore.config import make_config
from vitcore.models import build, weights_of
from vitcore.paths import runs_dir
from vitcore.probes import PROBES, TEST
from vitcore.probes.measure import measure
from vitcore.probes.store import Subject
from vitcore.runs.creation import create_run
from vitcore.runs.folder import Run
from vitcore.runs.status import Status

PICTURE = "![p](http://other.example/pix.png)"
FOLDER = "![p](pix.png)"  # a name of a folder has no slash
SHOWN = "![p]("  # escaped, it is \!\[p\]\(
TAG = "<img src=http://other.example/pix.png>"

# What shows its text literally. Components and figures are tested in the browser.
LITERAL = {
    "arrow_data_frame",
    "bidi_component",
    "code",
    "json",
    "multiselect",
    "plotly_chart",
    "selectbox",
    "text",
    "text_area",
    "text_input",
    "download_button",
    "slider",
    "number_input",
}


def texts(app) -> Iterator[tuple[str, str]]:
    """Yield the (kind, content) of every element whose texts can be Markdown."""

    def walk(block):
        for child in block.children.values():
            if hasattr(child, "children"):
                proto = getattr(child, "proto", None)
                if proto is not None:
                    yield type(child).__name__, json.dumps(MessageToDict(proto), ensure_ascii=False)
                yield from walk(child)
            elif child.type not in LITERAL:
                yield child.type, json.dumps(MessageToDict(child.proto), ensure_ascii=False)

    yield from walk(app._tree)


def check(page: str, expected: bool = True, **query: str) -> None:
    """Assert that a page shows the text of others, and nowhere as Markdown or HTML."""
    app = open_app(page, **query)
    found = list(texts(app))
    bad = [
        (kind, text[max(0, text.find(SHOWN) - 60) :][:160])
        for kind, text in found
        if SHOWN in text and kind != "html"
    ]
    bad += [(kind, text[:160]) for kind, text in found if kind in ("html",) and "<img src=http" in text]
    assert bad == []
    everything = " ".join(text for _, text in found) + " ".join(
        json.dumps(MessageToDict(box.proto), ensure_ascii=False)
        for kind in ("selectbox", "multiselect")
        for box in app.get(kind)
    )
    assert ("other.example" in everything.replace("\\", "") or FOLDER[:4] in everything) or not expected


@pytest.fixture
def pair() -> list[Run]:
    return [make_run(runs_dir(), PICTURE, seed=seed, model="vit", **TINY_VIT) for seed in (0, 1)]


def with_curves(run: Run) -> Run:
    with SummaryWriter(str(run.path)) as writer:
        for step in range(3):
            for tag in ("val_acc", "train_loss", "epoch", PICTURE):
                writer.add_scalar(tag, 0.5, step)
    return run


@pytest.mark.parametrize("page", ["patches", "attention"])
def test_models_have_titles_of_others(page, pair):
    check(page, run=pair[0].id)


def test_model_without_attention_has_a_title_of_others():
    run = make_run(runs_dir(), PICTURE, model="resnet", **TINY_RESNET)
    check("attention", run=run.id)


@pytest.mark.parametrize("state", ["finished", "failed", "stopped", "queued"])
def test_training_shows_titles_notes_and_reasons_of_others(state, pair):
    run = with_curves(pair[0])
    run.write_meta(run.meta.model_copy(update={"note": PICTURE, "pair": "p"}))
    pair[1].write_meta(pair[1].meta.model_copy(update={"pair": "p"}))
    run.write_status(
        Status(state=state, created=1.0, started=2.0, reason=PICTURE, machine=PICTURE, commit=PICTURE)
    )
    check("training", watch=run.id, all="true", more_watch="true")


def test_training_shows_a_data_folder_of_others():
    run = create_run(make_config(data=f"folder:/gone/{PICTURE}"), status=Status(state="stopped", reason="x"))
    check("training", watch=run.id)


@pytest.mark.parametrize("section", ["Scores", "Speed to accuracy"])
def test_compare_shows_titles_tags_and_folders_of_others(section, pair):
    runs = [with_curves(run).id for run in pair]
    with SummaryWriter(str(runs_dir() / f"{FOLDER}{TAG[:8]}")) as writer:
        writer.add_scalar("loss", 1.0, 0)
    query = ",".join([*runs, f"{FOLDER}{TAG[:8]}"])
    check("compare", runs=query, show=section, more_compare="true")


@pytest.mark.parametrize("section", ["Scores", "Confusion", "Classes", "Calibration", "Disagreement"])
@pytest.mark.parametrize("is_measured", [False, True])
def test_sections_of_compare_show_titles_of_others(section, is_measured, pair):
    for run in pair if is_measured else ():
        list(measure(TEST, [Subject(run)], 1000))
    check("compare", runs=",".join(run.id for run in pair), show=section, tested="1000")


@pytest.mark.parametrize("probe", PROBES.values(), ids=lambda probe: probe.name)
@pytest.mark.parametrize("is_measured", [False, True])
def test_experiments_show_titles_of_others(probe, is_measured, pair):
    if is_measured:
        for subjects in [pair] if probe.pair else [[run] for run in pair]:
            list(measure(probe, [Subject(run) for run in subjects], 100))
    query = {"probe": probe.title, "run": pair[0].id, "against": pair[1].id, "n": "100", "untrained": "false"}
    check("inductive_bias", **query)


def test_table_of_scores_escapes_tags_in_titles():
    runs = [make_run(runs_dir(), TAG, seed=seed, model="vit", **TINY_VIT) for seed in (0, 1)]
    check("compare", runs=",".join(run.id for run in runs), show="Scores", tested="1000")


def classified(data: Path, seed: int) -> Run:
    """Return a run whose two classes are the folders of `data`."""
    config = make_config(data=f"folder:{data}", image_size=32, **TINY_VIT)
    config = config.model_copy(update={"classes": tuple(sorted(place.name for place in data.iterdir()))})
    run = create_run(config, title=f"own {seed}", status=Status(state="finished", created=1.0))
    torch.manual_seed(seed)
    model = build("vit", image_size=32, num_classes=2, **config.options)
    save_file(weights_of(model), run.best)
    return run


def test_classes_of_others_are_shown_literally(tmp_path):
    data = make_folder(tmp_path / "data" / "own", {FOLDER: (0, 0, 255), f"{FOLDER} 2": (255, 0, 0)}, 12)
    runs = [classified(data, seed) for seed in (0, 1)]
    for run in runs:
        list(measure(TEST, [Subject(run)], 1000))
    ids = ",".join(run.id for run in runs)
    check("patches", run=runs[0].id)
    check("attention", run=runs[0].id)
    check("inductive_bias", run=runs[0].id, against=runs[1].id, probe="Shift")
    for section in ("Scores", "Confusion", "Classes", "Disagreement"):
        check("compare", runs=ids, show=section, expected=False)
