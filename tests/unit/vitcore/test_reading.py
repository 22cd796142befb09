"""Files that come from elsewhere: whatever they hold, the reader returns a value or one sentence."""

from __future__ import annotations

import json
import os
import random
import time
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from vitcore.config import dump_config, make_config, read_config
from vitcore.errors import UserError
from vitcore.reading import LARGEST, _simple, parse_model, read_text, short
from vitcore.runs.creation import create_run
from vitcore.runs.folder import Run, list_runs
from vitcore.runs.listing import as_rows
from vitcore.runs.status import Meta, Status

BOMB = (
    "epochs: [&b0 [x, x, x, x, x, x, x, x, x], "
    + ", ".join(f"&b{i} [{', '.join([f'*b{i - 1}'] * 9)}]" for i in range(1, 9))
    + "]\n"
)

CONFIGS = {
    "newer setting": "model: vit\nfuture_setting: 1\n",
    "date": "epochs: 2001-99-99\n",
    "timestamp": "epochs: 2001-12-14t21:59:43.10-99:99\n",
    "alias bomb": BOMB,
    "alias of itself": "options: &a {a: *a}\n",
    "merge of a scalar": "<<: 3\n",
    "list as a key": "? [a]\n: 3\n",
    "binary": "model: !!binary abc\n",
    "python object": "model: !!python/object/apply:os.system ['true']\n",
    "nested lists": "options: " + "[" * 300_000,
    "nested maps": "\n".join(" " * i + "a:" for i in range(1300)),
    "many digits": "epochs: " + "9" * 100_000,
    "hexadecimal": "epochs: 0x" + "f" * 100_000,
    "base 60": "epochs: " + ":".join(["59"] * 10_000),
    "long name": "model: " + "x" * 900_000,
    "infinite": "lr: .inf\n",
    "not a number": "lr: .nan\n",
    "surrogate": 'model: "\\ud800"\n',
    "null byte": "model: \0\n",
    "scalar": "3\n",
    "empty": "",
    "too large": "#" * (LARGEST + 1),
}


@pytest.mark.parametrize("content", CONFIGS.values(), ids=CONFIGS)
def test_any_configuration_is_read_or_refused_in_a_short_sentence_at_once(tmp_path, content):
    path = tmp_path / "config.yaml"
    path.write_text(content, encoding="utf-8", errors="surrogatepass")
    started = time.process_time()
    with pytest.raises(UserError) as error:
        read_config(path)
    assert time.process_time() - started < 10
    assert len(str(error.value)) < 400 + len(str(path))
    assert str(error.value).endswith(".")


def test_files_that_are_no_text_files_are_refused(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "latin").write_bytes("Größe".encode("latin-1"))
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for a writer
    for name in ("folder", "latin", "pipe", "missing", "null\0byte"):
        with pytest.raises(UserError):
            read_text(tmp_path / name)


def test_a_byte_order_mark_is_ignored(tmp_path):
    (tmp_path / "config.yaml").write_text("\ufeff" + dump_config(make_config()), encoding="utf-8")
    assert read_config(tmp_path / "config.yaml") == make_config()


def test_values_are_quoted_in_a_few_characters():
    for value in ("x" * 10**6, 10 ** (10**5), [[[["deep"] * 99] * 99] * 99] * 99, {i: i for i in range(999)}):
        assert len(short(value)) <= 80
    assert short("mlp") == "'mlp'"
    assert short(0.3) == "0.3"


WRONG = {
    "created": [1e308, -1, "x", None, float("nan"), [1], 10**400, True, "1"],
    "epoch": [-1, "x", 1e300, True, "0.5", float("inf")],
    "step": [-5, 1.5, "x", True, False, "7", 10**30],
    "pid": [-1, 2**40, "x", True],
    "eta_s": [True, "5"],
    "memory_bytes": [True, "1000"],
    "result": [
        {"val_acc": "x"},
        {"test_acc": 7},
        {"n_test": -1},
        {"val_acc": [1]},
        {"test_acc": True},
        3,
        {"x" * 101: 1},
        {f"x{i}": 1 for i in range(1001)},
    ],
    "slots": ["cpu", [1], [["cpu"]], ["cpu"] * 1001],
    "state": ["sleeping", 3, None],
    "host": ["x" * 10_000, 3],
    "heartbeat": [1e20],
}


@pytest.mark.parametrize(("field", "value"), [(f, v) for f, vs in WRONG.items() for v in vs])
def test_a_status_out_of_bounds_makes_a_run_lost_and_is_listed_with_its_file(field, value):
    run = create_run(make_config())
    content = json.loads((run.path / "status.json").read_text())
    (run.path / "status.json").write_text(json.dumps({**content, field: value}))
    status = run.status()
    assert status.state == "lost"
    assert "status.json" in status.reason
    assert any(row["id"] == run.id and row["state"] == "lost" for row in as_rows())


@pytest.mark.parametrize("number", ["true", '"1"', "1e999", "-1e999", "NaN", "Infinity", "1" + "0" * 400])
def test_anything_but_a_finite_number_is_refused_wherever_json_holds_a_number(number):
    class Inner(BaseModel):
        values: list[float]

    class Outer(BaseModel):
        inner: dict[str, Inner]
        rest: dict[str, Any] = {}

    assert parse_model(b'{"inner": {"a": {"values": [1, 2.5]}}}', Outer).inner["a"].values == [1, 2.5]
    text = json.dumps({"inner": {"a": {"values": [1, "here"]}}}).replace('"here"', number)
    with pytest.raises(ValidationError) as error:
        parse_model(text.encode(), Outer)
    assert error.value.errors()[0]["loc"] in (("inner", "a", "values", 1), ())
    if number not in ("true", '"1"'):
        with pytest.raises(ValidationError):
            parse_model(b'{"inner": {}, "rest": {"x": [%s]}}' % number.encode(), Outer)


def test_titles_and_notes_of_others_are_cut_and_hold_no_control_characters():
    run = create_run(make_config())
    meta = {"title": "a\x1b[31mb\x07" + "c" * 500, "note": "one\ntwo\x00" + "d" * 5000}
    (run.path / "meta.json").write_text(json.dumps(meta))
    assert run.title.startswith("a[31mbcc")
    assert len(run.title) == 80
    assert run.meta.note.startswith("one\ntwod")
    assert len(run.meta.note) == 2000


def test_random_damage_to_a_runs_files_never_ends_the_listing(tmp_path):
    """Cut, flip and replace bytes of status.json, meta.json and config.yaml: all runs are still listed."""
    draw = random.Random(0)
    whole = create_run(make_config())
    runs = [create_run(make_config(), title=f"run {i}") for i in range(60)]
    for run in runs:
        name = draw.choice(["status.json", "meta.json", "config.yaml"])
        content = bytearray((run.path / name).read_bytes())
        for _ in range(draw.randint(1, 4)):
            kind = draw.choice(["cut", "flip", "insert", "huge"])
            at = draw.randrange(len(content) + 1)
            if kind == "cut":
                del content[at:]
            elif kind == "flip" and content:
                content[at % len(content)] ^= 1 << draw.randrange(8)
            elif kind == "insert":
                content[at:at] = bytes(draw.randrange(256) for _ in range(draw.randint(1, 9)))
            else:
                content[at:at] = draw.choice([b"9" * 5000, b"[" * 5000, b"1e999", b"null", b"&a *a"])
        (run.path / name).write_bytes(content)
    rows = {row["id"]: row for row in as_rows()}
    assert {run.id for run in runs} <= set(rows)
    assert rows[whole.id]["state"] == "queued"
    for run in list_runs(bundled=False):
        assert isinstance(run.meta, Meta)
        assert isinstance(run.stored_status(), Status)
        try:
            run.config  # noqa: B018 - reading it is the test
        except UserError as error:
            assert len(str(error)) < 1000  # noqa: PT017
        Run(run.path).stop_age()


LINES = [
    "a:",
    "b: ",
    "a: 1",
    "b: x",
    "c: null",
    "d: 1e-3",
    "e: 1.5",
    "on: yes",
    "f: -.inf",
    "g: 2001-12-14",
    "h: 0x1f",
    "_i: +1",
    "- x",
    "- 2",
    "- null",
    "- -1",
    "-  x",
    "-",
    "  a:",
    "  b: 1",
    "  j: ~",
    "  - x",
    "  - 3",
    "    - x",
    "  x",
    "x",
    "",
    "a: b: c",
    "a: [1]",
    "'a': 1",
    "a : 1",
    "a:1",
    "# c",
    "a: x # c",
    "---",
    "<<: 3",
    "1: 2",
    "a: 1\r",
    "k: x y",
    "a: -",
    "a: 010",
    "a: 1_0",
    "a: =",
    "null:",
    "  null: 1",
    "null: 1",
    "a: \u00e9",
]


def test_simple_lines_are_read_as_yaml_reads_them():
    draw, simple = random.Random(0), 0
    for _ in range(20_000):
        text = "\n".join(draw.choices(LINES, k=draw.randint(1, 6))) + draw.choice(["\n", ""])
        if (found := _simple(text)) is not None:
            simple += 1
            assert repr(found) == repr(yaml.safe_load(text)), text
    assert simple > 500


def test_a_long_list_takes_no_longer_inside_of_a_setting():
    lines = "  - 1\n" * 150_000
    began = time.perf_counter()
    assert len(_simple(f"options:\n  milestones:\n{lines}")["options"]["milestones"]) == 150_000
    assert time.perf_counter() - began < 5  # a copy of the list for every line took 16 s


@pytest.mark.parametrize("model", ["vit", "cct", "resnet", "mixer", "densenet"])
def test_configuration_of_every_kind_has_simple_lines_only(model):
    text = dump_config(make_config("quick", model=model))
    assert _simple(text) == yaml.safe_load(text)
