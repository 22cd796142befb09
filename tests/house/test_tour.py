"""The tour leads to existing views and states the numbers of the stored results."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

import pytest

from dashboard import tour
from dashboard.guide.tour import stops
from dashboard.overview.budgets import budgets
from dashboard.page_table import PAGES
from tests.conftest import ROOT
from tests.house import inside
from tests.house.stored import RUNS, at, head_distances, sample_gap
from tests.page_states import STATES
from vitcore.analysis.convolution_steps import convolution_steps, window
from vitcore.runs.folder import find_run

STATED = {stop.title: stop.say for stop in stops()}
MAX_WORDS = 40  # so that the strip stays small on a phone


def test_tour_has_short_stops_on_all_pages():
    assert 8 <= len(stops()) <= 10
    assert stops()[0].page == "overview"
    assert {stop.page for stop in stops()} == set(PAGES)
    assert len(STATED) == len(stops())
    for stop in stops():
        assert len(stop.say.split()) <= MAX_WORDS, stop.title
        assert stop.say.count(". ") <= 1, stop.title
        assert stop.say.endswith("."), stop.title


@pytest.mark.parametrize("stop", stops(), ids=lambda stop: stop.title)
def test_links_hold_only_what_the_page_reads(stop):
    query = dict(parse_qsl(stop.query, strict_parsing=True))
    state = STATES[stop.page]
    known = {state.parameter(name) for name in state.model_fields}
    assert set(query) <= known
    assert state.read(query)[1] == ()


def test_addresses_name_the_stop_and_work_from_every_page():
    assert tour.addresses()[0] == "./?look=cat&tour=1"
    assert tour.addresses()[1].startswith("./patches?")
    assert [address.rsplit("tour=", 1)[1] for address in tour.addresses()] == [
        str(number) for number in range(1, len(stops()) + 1)
    ]


def test_patches_and_tokens_are_those_of_the_model():
    config = find_run(RUNS[0]).config
    size, patch = config.image_size, config.options["patch_size"]
    words = f"an image into {(size // patch) ** 2} patches of {patch} x {patch} pixels, which become "
    words += f"tokens of {config.options['embed_dim']} numbers"
    assert words in STATED["Patches become tokens with positions"]


def test_chosen_head_attends_to_the_nearest_patches():
    heads = head_distances(RUNS[0])  # the summary below the explorer shows the same result
    distance, layer, head = min(
        (distance, layer, head)
        for layer, row in enumerate(heads, start=1)
        for head, distance in enumerate(row, start=1)
    )
    count = sum(map(len, heads))
    say = STATED["Where one head looks"]
    assert f"Head {head} of layer {layer} looks {distance:.1f} pixels away on average" in say
    assert f"all {count} heads" in say
    assert {len(row) for row in heads} == {8}
    assert "In each layer, or block, 8 heads compare" in say
    (stop,) = (stop for stop in stops() if stop.title == "Where one head looks")
    assert f"layer={layer}&head={head}" in stop.query


def test_stops_about_a_block_state_its_numbers():
    own, best = inside.token(4, 5), inside.token(5, 7)
    scores = inside.block().scores[inside.HEAD - 1, own]
    channels = inside.block().q.shape[-1]
    weight, undivided = (100 * float(found.softmax(0)[best]) for found in (scores, scores * channels**0.5))
    say = STATED["How a head weighs tokens"]
    assert f"divided by √{channels} because {channels} random products partly cancel: " in say
    assert f"their sum grows like √{channels}." in say
    assert f"give one token {undivided:.0f} % of the weight instead of {weight:.0f} %" in say
    assert f"the {len(scores)} scores of one query" in STATED["What a token receives"]
    block = inside.block()
    before, added, after = (part[own] for part in (block.input, block.projected, block.middle))
    words = f"a vector of norm {added.norm():.1f} is added to one of norm {before.norm():.1f}"
    cosine = f"(cosine {inside.cosine(before, after):.2f})."
    assert f"{words}, which turns it little {cosine}" in STATED["The residual stream"]


def test_first_stop_names_the_stops_that_explain_it():
    titles = [stop.title for stop in stops()]
    first, last, convolution = (
        titles.index(title) + 1
        for title in ("Where one head looks", "What a token receives", "A convolution, for comparison")
    )
    say = STATED["Two models, one image"]
    assert f"(stops {first} to {last})" in say
    assert f"(stop {convolution})" in say


def test_stop_about_a_convolution_states_its_window():
    (stop,) = (stop for stop in stops() if stop.title == "A convolution, for comparison")
    link = dict(parse_qsl(stop.query))
    steps = convolution_steps(inside.model(RUNS[1]), inside.image(), int(link["block"]))
    convolution = steps.convolutions[int(link["convolution"]) - 1]
    assert "reads {} x {} neighboring".format(*convolution.weight.shape[2:]) in stop.say
    row, column = (int(part) - 1 for part in link["position"].split("."))
    shown = window(convolution, int(link["channel"]) - 1, row, column)
    first = shown.products[shown.sums.abs().argmax(), 1, 1]  # that is written out before one is pointed at
    assert abs(first) > 0.1


def test_results_of_experiments_are_stated():
    vit, resnet = at("shuffle", "accuracy", 4)
    assert (
        f"the ViT classifies {vit} of the images correctly, the ResNet {resnet}."
        in STATED["Shuffle the image"]
    )
    assert (
        f"With 5 % of the training images, the ResNet is ahead by {sample_gap(0.05)} points"
        in STATED["Few images"]
    )


def test_lead_of_the_resnet_with_all_images_is_stated():
    vit, resnet = (find_run(run).status().result for run in RUNS)
    assert vit["n_train"] == resnet["n_train"] == 45_000
    gap = 100 * (resnet["test_acc"] - vit["test_acc"])
    assert f"with all of them and a strong recipe, by {gap:.1f}, as Overview shows." in STATED["Few images"]
    assert f"{budgets(('vit', 'resnet'))[-1].gap:.1f}" == f"{gap:.1f}"


def test_every_number_is_compared():
    """A new number needs a comparison above."""
    found = {title: re.findall(r"\d[\d,.]*\d|\d", say) for title, say in STATED.items()}
    assert {title: numbers for title, numbers in found.items() if numbers} == {
        "Two models, one image": ["3", "5", "7"],
        "Patches become tokens with positions": ["64", "4", "4", "256"],
        "Where one head looks": ["8", "5", "2", "8.9", "48"],
        "How a head weighs tokens": ["32", "32", "32", "74", "10"],
        "What a token receives": ["65", "1"],
        "The residual stream": ["10.0", "30.6", "0.95"],
        "A convolution, for comparison": ["3", "3"],
        "Shuffle the image": ["4", "4", "64", "2", "29", "2"],
        "Few images": ["5", "18", "1.3"],
    }


def test_documents_quote_the_tour_word_for_word():
    text = (ROOT / "docs" / "teaching.md").read_text(encoding="utf-8")
    quoted = re.findall(r"[Tt]our, stop (\d+): \"([^\"]+)\"", text)
    assert len(quoted) >= 5
    for number, words in quoted:
        assert words in stops()[int(number) - 1].say
