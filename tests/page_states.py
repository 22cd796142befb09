"""The class that reads the address of each page."""

from dashboard.states.attention import AttentionState
from dashboard.states.compare import CompareState
from dashboard.states.inductive_bias import BiasState
from dashboard.states.overview import OverviewState
from dashboard.states.patches import PatchesState
from dashboard.states.training import TrainingState

STATES = {
    "overview": OverviewState,
    "patches": PatchesState,
    "attention": AttentionState,
    "training": TrainingState,
    "compare": CompareState,
    "inductive_bias": BiasState,
}
