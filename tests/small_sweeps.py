"""Plans of sweeps whose trainings take seconds."""

from __future__ import annotations

from tests.conftest import TINY_VIT
from vitcore.sweeps.plan import Plan, plan_samples

VIT = {name: value for name, value in TINY_VIT.items() if name != "batch_size"}
RESNET = {"c_hidden": [4, 8], "num_blocks": [1, 1]}


def samples(colors, models=("resnet", "vit"), **more) -> Plan:
    """Return a plan of kind `samples` on the folder `colors`, by default of two shares of the images."""
    own = {name: {"resnet": RESNET, "vit": VIT}[name] for name in models}
    given = dict(
        data=f"folder:{colors}", shares=(0.25, 1.0), steps=10, seeds=(0,), batch_size=16, device="cpu"
    )
    return plan_samples(models, own=own, **{**given, **more})
