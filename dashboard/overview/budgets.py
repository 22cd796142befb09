"""The accuracy of the ViT and the ResNet after trainings of increasing effort on the same images."""

from __future__ import annotations

from dataclasses import dataclass

from vitcore.architectures import ARCHITECTURES
from vitcore.runs.folder import Run, bundled_runs

PUBLISHED = "tutorial"  # the recipe whose published results are the first budget


@dataclass(frozen=True)
class Budget:
    """Test accuracies (0 to 1) on `count` images, by architecture. `runs` is empty for published results."""

    title: str
    accuracies: dict[str, float]
    count: int
    runs: tuple[Run, ...] = ()

    @property
    def gap(self) -> float:
        """Return by how much the second architecture is ahead of the first, in points."""
        first, second = self.accuracies.values()
        return 100 * (second - first)


def budgets(models: tuple[str, str]) -> list[Budget]:
    """Return the published results of two architectures, then those of their bundled pairs of runs.

    A pair has the same id apart from the name of the architecture. The least accurate pair comes first.
    """
    published = [ARCHITECTURES[model].measured[PUBLISHED] for model in models]
    title = f"{published[0].epochs} epochs, published recipe"
    first = Budget(
        title,
        {model: result.test_acc for model, result in zip(models, published, strict=True)},
        published[0].count,
    )
    return [first, *sorted(_pairs(models), key=lambda budget: sum(budget.accuracies.values()))]


def _pairs(models: tuple[str, str]) -> list[Budget]:
    trained = {run.id: run for run in bundled_runs() if run.weights and run.config.data == "cifar10"}
    pairs = []
    for name, run in trained.items():
        other = trained.get(name.replace(models[0], models[1], 1))
        if run.config.model != models[0] or other is None or other is run:
            continue
        pair = (run, other)
        results = [run.status().result for run in pair]
        accuracies = {m: result["test_acc"] for m, result in zip(models, results, strict=True)}
        pairs.append(Budget(_title(pair), accuracies, results[0]["n_test"], pair))
    return pairs


def _title(pair: tuple[Run, Run]) -> str:
    """Return how long and on which kind of device a pair was trained."""
    lengths = sorted({round(run.status().epoch) for run in pair})
    device = "a CPU" if pair[0].status().device == "cpu" else "a GPU"
    return f"{' to '.join(map(str, lengths))} epochs on {device}"
