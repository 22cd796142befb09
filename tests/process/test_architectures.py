"""Every architecture can be trained, also the one in the documentation."""

from __future__ import annotations

import re
import sys

import pytest

from tests.conftest import ROOT
from tests.unit.vitcore.models.test_architectures import CASES, ids
from vitcore.architectures import ARCHITECTURES
from vitcore.config import make_config
from vitcore.models import build, count_parameters, load_run
from vitcore.training import train


def test_architecture_in_the_documentation_is_complete(tmp_path, monkeypatch, colors):
    """Its file is discovered, built and trained."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "python.md").read_text(), re.DOTALL)
    (source,) = [block for block in blocks if "ARCHITECTURE = Architecture(" in block]
    import vitcore.architectures as registry

    (tmp_path / "mlp.py").write_text(source)
    monkeypatch.setattr(registry, "__path__", [*registry.__path__, str(tmp_path)])
    monkeypatch.setitem(ARCHITECTURES, "mlp", registry._discover()["mlp"])
    run = train(
        make_config("quick", model="mlp", data=f"folder:{colors}", epochs=1, hidden=8, device="cpu"),
        progress=False,
    )
    assert run.status().state == "finished"
    assert count_parameters(load_run(run)) == 3 * 32 * 32 * 8 + 8 + 8 * 2 + 2
    sys.modules.pop("vitcore.architectures.mlp")


@pytest.mark.parametrize(("name", "options"), CASES[:-1], ids=ids[:-1])
def test_every_architecture_trains_with_quick(name, options, colors):
    config = make_config(
        "quick", model=name, data=f"folder:{colors}", epochs=1, batch_size=16, device="cpu", **options
    )
    run = train(config, progress=False)
    assert run.status().state == "finished"
    assert isinstance(load_run(run), type(build(name, **options)))
