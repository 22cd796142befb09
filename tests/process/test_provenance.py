"""A training records its origin."""

from __future__ import annotations

from tests.conftest import ROOT
from vitcore import provenance
from vitcore.config import make_config
from vitcore.training import train


def test_training_records_its_machine_and_commit(colors, tmp_path):
    config = make_config(
        "quick",
        model="vit",
        data=f"folder:{colors}",
        epochs=1,
        device="cpu",
        embed_dim=16,
        hidden_dim=32,
        num_heads=2,
        num_layers=1,
    )
    status = train(config, runs_dir=tmp_path).status()
    assert status.machine == provenance.machine()
    assert status.commit == provenance.commit()
    if (ROOT / ".git").exists():
        assert status.commit
