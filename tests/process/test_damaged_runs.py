"""Every page with a runs folder full of damaged runs shows the intact ones and does not end in an error."""

from __future__ import annotations

import json
import os

import pytest

from dashboard.drawing.markdown import escape
from dashboard.page_table import PAGES
from tests.apptests import open_app
from tests.conftest import TINY_RESNET, make_folder
from tests.made_runs import make_run
from tests.unit.vitcore.runs.test_foreign import write
from tests.unit.vitcore.test_reading import CONFIGS, WRONG
from vitcore.config import make_config
from vitcore.paths import runs_dir
from vitcore.runs.creation import create_run
from vitcore.runs.status import Status

DONE = Status(state="finished", created=3e9)  # newer than the others, and nothing for a supervisor to start


def damage() -> str:
    """Fill the runs folder with damaged runs. Return the title of the sound one among them."""
    for content in CONFIGS.values():
        run = create_run(make_config(), status=DONE)
        (run.path / "config.yaml").write_text(content, encoding="utf-8", errors="surrogatepass")
    for field, values in WRONG.items():
        for value in values:
            run = create_run(make_config(), status=DONE)
            content = json.loads((run.path / "status.json").read_text())
            (run.path / "status.json").write_text(json.dumps({**content, field: value}))
    for size in (0, 7, 100, 1000):
        run = make_run(runs_dir(), f"cut at {size}", model="resnet", **TINY_RESNET)
        os.truncate(run.best, size)
    run = make_run(runs_dir(), "other shapes", model="resnet", **TINY_RESNET)
    run.best.write_bytes(make_run(runs_dir(), "vit", model="vit").best.read_bytes())
    run = create_run(make_config(), status=DONE)
    (run.path / "meta.json").write_bytes(b"\xff\xfe" * 100)
    (run.path / "events.out.tfevents.1").write_bytes(b"\xff" * 1000)
    write("hydra", "0")
    (runs_dir() / "hydra" / "0" / "config.yaml").write_text("model: {name: resnet}\n")
    (runs_dir() / "notes.txt").write_text("x")
    (runs_dir() / "loop").symlink_to(runs_dir() / "loop")
    return make_run(runs_dir(), "A sound run", model="resnet", **TINY_RESNET).title


@pytest.mark.parametrize("page", PAGES)
def test_page_with_damaged_runs_shows_the_intact_ones(page):
    title = damage()
    app = open_app(page, **({"probe": "Shift"} if page == "inductive_bias" else {}))
    options = [option for box in (*app.selectbox, *app.multiselect) for option in box.options]
    if page not in ("overview", "patches"):  # these show the bundled runs, and runs with tokens
        assert any(title in option for option in options)


@pytest.mark.parametrize("size", [0, 7, 100, 1000])
@pytest.mark.parametrize("page", ["attention", "compare", "inductive_bias"])
def test_truncated_weights_give_a_sentence(page, size):
    run = make_run(runs_dir(), "truncated", model="resnet", **TINY_RESNET)
    os.truncate(run.best, size)
    parameter = "runs" if page == "compare" else "run"
    app = open_app(page, **{parameter: run.id})
    if page == "compare":  # which needs no weights until something is measured
        assert any("truncated" in info.value for info in app.info)
    else:
        assert any(escape(run.best.name) in error.value for error in app.error)


def test_runs_folder_that_is_a_file_gives_a_sentence(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("VITLAB_RUNS", str(tmp_path / "file"))
    for page in PAGES:
        errors = " ".join(error.value for error in open_app(page).error)
        assert (escape(str(tmp_path / "file")) in errors) == (page != "overview"), page  # bundled runs only


def test_image_of_ones_own_is_shown_when_the_folder_of_the_data_is_gone(tmp_path):
    place = make_folder(tmp_path / "photos", {"blue": (0, 0, 200), "red": (200, 0, 0)}, 20)
    run = make_run(runs_dir(), "elsewhere", model="resnet", data=f"folder:{place}", **TINY_RESNET)
    config = run.path / "config.yaml"
    config.write_text(config.read_text().replace("classes: null", "classes:\n- blue\n- red"))
    place.rename(tmp_path / "moved")
    app = open_app("attention", run=run.id)
    assert any("photos" in info.value for info in app.info)
    app.session_state.own_image = ((tmp_path / "moved" / "red" / "000.png").read_bytes(), "red.png")
    app.run()
    assert not app.exception
    assert not any("photos" in info.value for info in app.info)
