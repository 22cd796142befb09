"""Commands and pages that must start quickly load neither torch nor Lightning, in fresh processes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import ROOT


def loaded_by(code: str) -> set[str]:
    """Return the loaded modules of a fresh process after `code`."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print('LOADED', *sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return set(done.stdout.split("LOADED")[-1].split())


@pytest.mark.parametrize(
    "code",
    [
        "import vitcore, vitcore.config, vitcore.recipes, vitcore.queue.supervisor, vitcore.queue.launch",
        "import sys; sys.argv = ['vitcore', 'runs']\nfrom vitcore.__main__ import app; "
        "app(standalone_mode=False)",
        "import dashboard.shared.resources, dashboard.drawing.figures, dashboard.training.run_panel\n"
        "import dashboard.shared.selection, dashboard.shared.run_status",
        "import dashboard.inductive_bias.experiments, dashboard.inductive_bias.live_image\n"
        "import vitcore.probes.table",
        "import dashboard.__main__",
    ],
    ids=["vitcore", "runs command", "dashboard", "experiments", "server start"],
)
def test_commands_and_pages_that_start_quickly_load_no_torch(code):
    assert not {"torch", "pytorch_lightning", "torchvision"} & loaded_by(code)


def test_attention_needs_no_torchvision():
    assert "torch" in (loaded := loaded_by("import vitcore.analysis.attention"))
    assert not {"torchvision", "torch._dynamo"} & loaded  # they take two seconds


def test_first_page_needs_no_torch():
    code = (
        "from streamlit.testing.v1 import AppTest\n"
        "at = AppTest.from_file('dashboard/app.py', default_timeout=60).run()\n"
        "assert not at.exception, at.exception\nassert at.title[0].value.startswith('What does')"
    )
    other_pages = {
        "dashboard.talk.scenes",
        "dashboard.sweeps.results",
        "dashboard.compare.sections",
        "dashboard.inductive_bias.experiments",
        "dashboard.drawing.figures",  # waits for pandas
    }
    assert not {"torch", "pytorch_lightning", *other_pages} & loaded_by(code)


def test_stored_experiments_need_no_torch():
    code = (
        "from streamlit.testing.v1 import AppTest\n"
        "at = AppTest.from_file('pages/inductive_bias.py', default_timeout=60)\n"
        "at.query_params['probe'] = 'Attention distance'\nat.run()\n"
        "assert not at.exception, at.exception\n"
        "assert any('n = 500' in c.value for c in at.caption), at.caption"
    )
    assert not {"torch", "pytorch_lightning"} & loaded_by(code)


def test_tokens_are_drawn_without_torch():
    code = (
        "from dashboard.patches import weights\nfrom dashboard.shared import resources\n"
        "import dashboard.components.stepper, vitcore.analysis.cost\n"
        "run = resources.bundled()['vit']\n"
        "assert weights.tokens(run, resources.dataset().test.images[0])[0].shape == (65, 256)"
    )
    assert not {"torch", "pytorch_lightning"} & loaded_by(code)


def test_stored_scores_are_drawn_without_torch():
    code = (
        # the Overview page loads torch in the background
        "from dashboard.overview import featured_image\nfeatured_image.PRELOAD_AFTER_S = 3600\n"
        "from streamlit.testing.v1 import AppTest\n"
        "at = AppTest.from_file('dashboard/app.py', default_timeout=120).run()\n"
        "for section in ('Scores', 'Confusion', 'Disagreement', 'Speed to accuracy'):\n"
        "    at.query_params.update(runs='vit-cifar10,resnet-cifar10', show=section)\n"
        "    at.switch_page('../pages/compare.py').run()\n"
        "    assert not at.exception, at.exception\n"
        "    assert at.title[0].value.startswith('How do the models')\n"
        "    assert at.session_state['show'] == section, section\n"
        "    at.switch_page('../pages/training.py').run()"  # leave the page, so that the next link counts
    )
    assert not {"torch", "pytorch_lightning"} & loaded_by(code)


def test_loading_a_model_needs_no_lightning():
    loaded = loaded_by("import vitcore; vitcore.load('vit-cifar10'); import vitcore.analysis.attention")
    assert "torch" in loaded
    assert "pytorch_lightning" not in loaded


def test_figures_are_drawn_while_another_thread_imports_pandas():
    """This happens if one visitor opens Compare and another one Attention right after the start."""
    code = """
import sys, threading, time
import numpy as np, plotly.graph_objects
assert "pandas" not in sys.modules
thread = threading.Thread(target=lambda: __import__("pandas"))
thread.start()
while "pandas" not in sys.modules:
    time.sleep(0.0005)
from dashboard.drawing import figures
figures.logit_lens(np.full((7, 10), 0.1), tuple("abcdefghij"), 3)
figures.probabilities(np.full(10, 0.1), tuple("abcdefghij"), 3, "#000000")
thread.join()
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert not done.returncode, done.stderr[-500:]
