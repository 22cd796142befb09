"""The house: imports run one way, and what must start quickly loads neither torch nor Lightning."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from dashboard.talk.files import PAGES
from tests.conftest import ROOT


def imported(path):
    """(module, line) of every import in a file, also those inside functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield name.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: a relative import hides where it leads"
            yield node.module, node.lineno
            for name in node.names:
                yield f"{node.module}.{name.name}", node.lineno


FORBIDDEN = {
    "vitcore": ("streamlit", "plotly", "dashboard", "pages"),
    "vitcore/config.py": ("torch", "torchvision", "pytorch_lightning", "vitcore.runs", "vitcore.data"),
    "vitcore/architectures": ("pytorch_lightning", "vitcore.data", "vitcore.runs", "vitcore.training"),
    "vitcore/runs/folder.py": (
        "torch",
        "vitcore.data",
        "vitcore.models",
        "vitcore.training",
        "vitcore.analysis",
    ),
    "vitcore/runs": (
        "torch",
        "torchvision",
        "pytorch_lightning",
        "vitcore.training",
        "vitcore.models",
        "vitcore.analysis",
    ),
    "vitcore/data": ("pytorch_lightning", "vitcore.training", "vitcore.models", "vitcore.analysis"),
    "vitcore/models": ("pytorch_lightning", "vitcore.training", "vitcore.analysis"),
    "vitcore/analysis": ("pytorch_lightning", "vitcore.training", "vitcore.probes"),
    "vitcore/probes": ("pytorch_lightning", "vitcore.training"),
    "vitcore/probes/store.py": ("torch", "vitcore.models", "vitcore.analysis"),
    "vitcore/probes/__init__.py": ("torch", "vitcore.models", "vitcore.analysis"),
    "vitcore/training": ("vitcore.analysis", "vitcore.queue.supervisor", "vitcore.queue.launch"),
    "dashboard": ("pages", "pytorch_lightning", "vitcore.training"),
    "pages": (
        "torch",
        "torchvision",
        "pytorch_lightning",
        "vitcore.training",
        "vitcore.models",
        "vitcore.analysis",
    ),
}


@pytest.mark.parametrize("place", FORBIDDEN)
def test_imports_run_one_way(place):
    files = [ROOT / place] if place.endswith(".py") else sorted((ROOT / place).rglob("*.py"))
    assert files
    wrong = [
        f"{file.relative_to(ROOT)}:{line} imports {module}"
        for file in files
        for module, line in imported(file)
        if any(module == bad or module.startswith(f"{bad}.") for bad in FORBIDDEN[place])
    ]
    assert not wrong


def test_pages_are_short_scripts_that_open_no_files():
    for file in (ROOT / "pages").glob("*.py"):
        calls = {
            node.func.id for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }  # fmt: skip
        assert "open" not in calls, file
        assert len(file.read_text().splitlines()) <= 130, file


def loaded_by(code: str) -> set[str]:
    """The modules in a fresh process after running `code`."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print('LOADED', *sys.modules)"],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
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
        "import dashboard.inductive_bias.perturbations, vitcore.probes.table",
        "import dashboard.__main__",
    ],
    ids=["vitcore", "runs command", "dashboard", "experiments", "server start"],
)
def test_quick_starts_load_no_torch(code):
    assert not {"torch", "pytorch_lightning", "torchvision"} & loaded_by(code)


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
    }
    other_pages |= {f"dashboard.{page}.scene" for page in PAGES}
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
        "from dashboard.shared import model_outputs, resources\n"
        "import dashboard.components.stepper, vitcore.analysis.cost\n"
        "run = resources.bundled()['vit']\n"
        "assert model_outputs.tokens(run, resources.dataset().test.images[0])[0].shape == (65, 256)"
    )
    assert not {"torch", "pytorch_lightning"} & loaded_by(code)


@pytest.mark.parametrize("section", ["Scores", "Confusion", "Disagreement", "Speed to accuracy"])
def test_stored_scores_are_drawn_without_torch(section):
    code = (
        # what the first page does behind itself
        "from dashboard.overview import featured_image\nfeatured_image.WARM_AFTER_S = 3600\n"
        "from streamlit.testing.v1 import AppTest\n"
        "at = AppTest.from_file('dashboard/app.py', default_timeout=120).run()\n"
        f"at.query_params.update(runs='vit-cifar10,resnet-cifar10', show={section!r})\n"
        "at.switch_page('../pages/compare.py').run()\n"
        "assert not at.exception, at.exception\nassert at.title[0].value.startswith('How do the models')\n"
        f"assert at.session_state['show'] == {section!r}"
    )
    assert not {"torch", "pytorch_lightning"} & loaded_by(code)


def test_loading_a_model_needs_no_lightning():
    loaded = loaded_by("import vitcore; vitcore.load('vit-cifar10'); import vitcore.analysis.attention")
    assert "torch" in loaded
    assert "pytorch_lightning" not in loaded
