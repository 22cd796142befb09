"""Python reads links as the browser does. links.test.js checks the same cases in JavaScript."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from dashboard.attention.convolution_outputs import step_count
from dashboard.attention.explorer import unavailable
from dashboard.states import patches
from dashboard.states.attention import BLOCK_STEPS, ExplorerState, token_index
from dashboard.states.inductive_bias import BiasState, cell_bits
from tests.conftest import ROOT
from tests.made_runs import make_run
from vitcore.probes import PROBES

LINKS = json.loads((Path(__file__).parent / "links.json").read_text(encoding="utf-8"))
HEADER = LINKS["explorer"]["header"]


@pytest.mark.parametrize(("name", "text", "expected"), LINKS["explorer"]["cases"])
def test_server_and_browser_find_the_same_values_of_the_explorer_unavailable(name, text, expected):
    assert unavailable(HEADER, {name: text}) == ([] if expected is not None else [name])
    state, refused = ExplorerState.read({name: text})
    if name == "query" and not refused:
        assert token_index(state.query, side=HEADER["side"], prefix=HEADER["prefix"]) == expected


@pytest.mark.parametrize(("prefix", "text", "expected"), LINKS["tokens"])
def test_server_finds_the_tokens_that_the_browser_reads(prefix, text, expected):
    state, refused = ExplorerState.read({"query": text})
    found = None if refused or not state.query else token_index(state.query, side=8, prefix=prefix)
    assert found == expected


def test_color_scale_is_per_layer_unless_the_link_names_another():
    assert ExplorerState.read({})[0].scale == ExplorerState.for_browser()["choices"]["scale"][0] == "layer"
    for scale in ("shared", "layer", "root", "map"):
        state, refused = ExplorerState.read({"scale": scale})
        assert (state.scale, refused) == (scale, ())
    assert ExplorerState.of(scale="shared").parameters() == {"scale": "shared"}


@pytest.mark.parametrize("kind", [probe.name for probe in PROBES.values() if probe.live])
@pytest.mark.parametrize(("text", "offset"), LINKS["frames"])
def test_server_accepts_the_frames_that_the_browser_reads(kind, text, offset):
    _, refused = BiasState.read({kind: text})
    assert refused == (() if offset else (kind,))


@pytest.mark.parametrize(("text", "cells"), LINKS["cells"])
def test_server_reads_the_painted_cells_that_the_browser_reads(text, cells):
    painted = BiasState.read({"painted": text})[0].painted
    bits = cell_bits(painted) if painted else None
    assert (bits and [i for i, bit in enumerate(bits) if bit == "1"]) == cells


@pytest.mark.parametrize(("model", "block", "convolution", "count"), LINKS["convolutionSteps"])
def test_server_accepts_the_steps_of_a_convolution_that_the_browser_has(
    model, block, convolution, count, tmp_path
):
    run = make_run(tmp_path, "Steps", model=model, c_hidden=(4, 6, 8), num_blocks=(1, 2, 1))
    assert step_count(run, block, convolution) == count


@pytest.mark.parametrize(
    ("component", "names"), [("block", BLOCK_STEPS), ("stepper", patches.STEPS)], ids=["block", "patches"]
)
def test_titles_of_talks_name_steps_as_the_browser_does(component, names):
    words = (ROOT / "dashboard" / "components" / component / "words.js").read_text(encoding="utf-8")
    (listed,) = re.findall(r"export const (?:STEP_)?TITLES = \[(.*?)\]", words, re.DOTALL)
    assert tuple(re.findall(r'"([^"]+)"', listed)) == names
