"""A page's state and its address say the same: read, written, and read again."""

from __future__ import annotations

from typing import Literal, Union, get_args, get_origin
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as given_
from pydantic import ValidationError

from dashboard.inductive_bias import experiments
from dashboard.page_table import PAGES
from dashboard.shared.page_state import CurvesState, ImageState
from dashboard.states.attention import AttentionState, ExplorerState
from dashboard.states.compare import CompareState
from dashboard.states.inductive_bias import BiasState
from dashboard.states.patches import PatchesState
from dashboard.states.talk import TalkState
from tests.page_states import STATES
from vitcore.probes.experiments.shift import BORDERS

KINDS = {  # by the name of a test
    **STATES,
    "talk": TalkState,
    "explorer": ExplorerState,
    "image": ImageState,
    "curves": CurvesState,
}
WORDS = given_.text(given_.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
IDS = given_.from_regex(r"[\w-]{1,20}", fullmatch=True)
TEXTS = {  # of fields with a form of their own
    "query": given_.sampled_from(["cls", "1.1", "4.12", "16.16"]),
    "position": given_.sampled_from(["1.1", "4.12"]),
    "token": given_.sampled_from(["cls", "register2", "3.4"]),
    "array": given_.sampled_from(["input", "sum1-row", "mlpInput", "weights-list"]),
    "second": given_.sampled_from(["cls", "1.1", "4.12"]),
    "square": given_.sampled_from(["whole", "0.50", "20.50.60"]),
    "right_square": given_.sampled_from(["whole", "100.0"]),
    "mask": given_.sampled_from(["ab12cd.A_-9", "00ff00.AAAA"]),
    "temperature": given_.floats(0.1, 10),
    "painted": given_.from_regex(r"[0-9a-f]{16}", fullmatch=True),
    "shift": given_.sampled_from(["0.4", "-3.5", "2.0"]),
    "shuffle": given_.just("2.0"),
    "occlusion": given_.just("1.3"),
}


def values_of(name, annotation):
    """Values that a field can hold."""
    if name in TEXTS:
        return TEXTS[name]
    if get_origin(annotation) is dict:
        return given_.dictionaries(IDS, IDS, max_size=3)
    if get_origin(annotation) is Literal:
        return given_.sampled_from(get_args(annotation))
    if get_origin(annotation) is Union or type(annotation).__name__ == "UnionType":
        return given_.one_of(values_of(name, part) for part in get_args(annotation) if part is not type(None))
    if get_args(annotation) and annotation is not tuple and get_origin(annotation) is not tuple:
        return values_of(name, get_args(annotation)[0])
    if annotation is bool:
        return given_.booleans()
    if annotation is int:
        return given_.integers(1, 999_999_999)
    if annotation is float:
        return given_.floats(0, 0.99)
    if get_origin(annotation) is tuple:
        return given_.lists(IDS, max_size=4).map(tuple)
    return WORDS


def states():
    def of(kind):
        fields = {n: values_of(n, f.annotation) for n, f in kind.model_fields.items()}
        return given_.fixed_dictionaries({}, optional=fields).map(lambda v: kind(**v))

    return given_.one_of(of(kind) for kind in KINDS.values())


def test_every_page_has_a_state():
    assert set(STATES) == set(PAGES)


@given(states())
def test_state_is_read_back_from_its_address(state):
    address = state.link("page")
    assert type(state).read(dict(parse_qsl(urlsplit(address).query))) == (state, ())


@given(given_.sampled_from(list(KINDS.values())), given_.dictionaries(IDS, WORDS, max_size=5), given_.data())
def test_any_address_gives_a_state_and_names_invalid_values(kind, query, data):
    parameters = [field.alias or name for name, field in kind.model_fields.items()]
    query |= data.draw(given_.dictionaries(given_.sampled_from(parameters), WORDS))
    state, refused = kind.read(query)
    again, _ = kind.read(state.parameters())
    assert again == state
    fixed = [name for name in parameters if name != "settings"]  # no parameter: it collects those of settings
    invalid = {name for name in fixed if query.get(name) and not accepts(kind, name, query[name])}
    assert refused == tuple(name for name in fixed if name in invalid)


def accepts(kind, name, text):
    try:
        kind.model_validate({name: text})
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_default_state_has_an_empty_address(kind):
    assert kind().parameters() == {}
    assert kind.read({}) == (kind(), ())
    assert kind().link("page") == "page"


@pytest.mark.parametrize(
    ("kind", "query", "refused"),
    [
        (AttentionState, {"query": "9", "layer": "0"}, ("query", "layer")),
        (AttentionState, {"map": "heads"}, ("map",)),
        (PatchesState, {"patch": "4.5"}, ("patch",)),
        (PatchesState, {"patch": "9" * 5000}, ("patch",)),
        (CompareState, {"tested": "77", "smooth": "nan"}, ("smooth", "tested")),
        (BiasState, {"painted": "xyz", "untrained": "perhaps"}, ("untrained", "painted")),
    ],
)
def test_invalid_value_gives_the_default_and_is_named(kind, query, refused):
    state, named = kind.read(query)
    assert state == kind()
    assert named == refused


def test_widgets_have_the_names_and_defaults_of_the_state():
    assert CompareState.bound("section") == {"key": "show", "default": "Scores", "bind": "query-params"}
    assert CompareState.bound("goal", value=None) == {"key": "goal", "bind": "query-params"}
    assert CompareState.options("section")[0] == "Scores"
    with pytest.raises(TypeError):
        CompareState.options("runs")


def test_links_keep_the_parameters_of_the_class_maps():
    state = AttentionState.of(target="dog", other="resnet-cifar10")
    assert state.parameters() == {"speaks": "dog", "beside": "resnet-cifar10"}


def test_browser_gets_the_parameters_of_the_explorer():
    sent = ExplorerState.for_browser()
    assert sent["choices"]["scale"] == ["layer", "shared", "root", "map"]
    assert set(sent["choices"]) < set(sent["names"])


def test_borders_equal_those_of_the_experiment():
    assert BiasState.options("border") == BORDERS
    assert BiasState.options("count") == experiments.COUNTS
