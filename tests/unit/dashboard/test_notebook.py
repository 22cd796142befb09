"""The explorer of a notebook: its document holds the given weights, and wrong arguments get one sentence."""

from __future__ import annotations

import base64
import html
import json
import re
import struct

import numpy as np
import pytest
import torch
from PIL import Image

import vitcore
from dashboard.notebook import attentions, explore
from dashboard.notebook.attentions import MOST, Grid, document_bytes, find_grid
from tests.foreign_models import TIMM, TRANSFORMERS
from vitcore.analysis.attention import capture, rollout
from vitcore.errors import UserError
from vitcore.runs.folder import find_run

LAYERS, HEADS, TOKENS = 2, 3, 17
IMAGES = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def weights(batch=2, tokens=TOKENS, layers=LAYERS):
    generator = torch.Generator().manual_seed(0)
    return [torch.rand(batch, HEADS, tokens, tokens, generator=generator).softmax(-1) for _ in range(layers)]


def messages(found):
    """Return (header, pixels [S, S, 3], weights [layers, heads, T, T], rollout [T, T]) of each image."""
    for text in re.findall(r'<script type="text/plain" id="data-\d+">([^<]*)</script>', found.html):
        data = base64.b64decode(text)
        (length,) = struct.unpack_from("<I", data)
        header = json.loads(data[4 : 4 + length])
        size, (layers, heads, tokens) = header["size"], (header[k] for k in ("layers", "heads", "tokens"))
        rest = data[4 + length :]
        pixels = np.frombuffer(rest[: 3 * size * size], np.uint8).reshape(size, size, 3)
        values = np.frombuffer(rest[3 * size * size :], np.float16)
        count = layers * heads * tokens**2
        yield header, pixels, values[:count].reshape(layers, heads, tokens, tokens), values[count:]


@pytest.mark.parametrize("kind", ["list", "tuple", "numpy", "stacked", "half", "gradient"])
def test_document_holds_the_given_weights_and_images(kind):
    given = weights()
    passed = {
        "list": given,
        "tuple": tuple(given),
        "numpy": [layer.numpy() for layer in given],
        "stacked": torch.stack(given),
        "half": [layer.bfloat16() for layer in given],
        "gradient": [layer.requires_grad_() for layer in given],
    }[kind]
    found = explore(attentions=passed, images=IMAGES)
    for number, (header, pixels, stored, rolled) in enumerate(messages(found)):
        wanted = torch.stack([layer[number].detach() for layer in given])
        assert np.allclose(stored, wanted, rtol=1e-2 if kind == "half" else 1e-3)
        assert np.allclose(rolled.reshape(TOKENS, TOKENS), rollout(wanted[None])[0], atol=1e-3)
        assert np.array_equal(pixels, (255 * IMAGES[number]).round().byte().permute(1, 2, 0).numpy())
        assert (header["side"], header["first"], header["only"]) == (4, 1, None)
    assert number == 1
    assert (found.images, found.layers, found.heads, found.tokens) == (2, LAYERS, HEADS, TOKENS)


def test_distance_is_in_pixels_of_the_image():
    """All weight is on the patch to the right, or to the left in the last column: 8 pixels away."""
    rows = torch.zeros(16, 16)
    for patch in range(16):
        rows[patch, patch + 1 if patch % 4 < 3 else patch - 1] = 1
    found = explore(attentions=[rows.expand(1, 1, 16, 16)], images=IMAGES[0])
    ((header, *_),) = messages(found)
    assert header["distance"] == [[pytest.approx(8.0)]]
    assert header["entropy"] == [[0.0]]


def test_run_has_the_weights_of_its_model():
    images = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    trace = capture(vitcore.load("vit-cifar10"), images)
    for model in ("vit-cifar10", find_run("vit-cifar10"), vitcore.load("vit-cifar10")):
        for i, (header, _, stored, _) in enumerate(messages(explore(model, images))):
            assert np.allclose(stored, trace.weights[i], rtol=1e-3, atol=1e-6)
            assert header["probabilities"] == pytest.approx(trace.logits[i].softmax(0).tolist(), abs=1e-5)
    assert "frog" in next(messages(explore("vit-cifar10", images)))[0]["classes"]


@pytest.mark.parametrize("case", [TIMM["DINOv2 with registers"], TRANSFORMERS["ViT"]])
def test_foreign_module_has_the_maps_of_its_library(case):
    made = case()
    mean, std = (0.5, 0.4, 0.3), (0.2, 0.2, 0.2)
    made.model.pretrained_cfg = {"architecture": "vit_small_patch14_reg4_dinov2", "mean": mean, "std": std}
    by_library = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)  # transformers' ViT
    center, spread = by_library if hasattr(made.model, "config") else (mean, std)
    with torch.no_grad():
        maps = made.outputs(
            (IMAGES - torch.tensor(center).view(3, 1, 1)) / torch.tensor(spread).view(3, 1, 1)
        )[1]
    for i, (header, _, stored, _) in enumerate(messages(explore(made.model, IMAGES))):
        assert np.allclose(stored, maps[i], atol=1e-3)
        assert header["first"] == header["tokens"] - 16


@pytest.mark.parametrize(
    ("tokens", "side", "prefix", "pixels"),
    [
        (196, 14, 0, 224),
        (197, 14, 1, 224),
        (198, 14, 2, 224),
        (201, 14, 5, 224),
        (257, 16, 1, 224),
        (261, 16, 5, 224),
        (1374, 37, 5, 518),
        (65, 8, 1, 32),
        (25, 4, 9, 32),
        (50, 7, 1, 224),
    ],
)
def test_prefix_is_inferred_from_the_number_of_tokens(tokens, side, prefix, pixels):
    """The case with 9 prefix tokens is not a grid of 5 x 5, which does not tile 32 pixels."""
    assert find_grid(tokens, None, [pixels]) == Grid(prefix, side)
    assert find_grid(tokens, prefix, [pixels]) == Grid(prefix, side)


def test_tokens_before_the_patches_have_names():
    def first(found):
        return next(messages(found))[0]["prefix"]

    for count, wanted in (
        (0, []),
        (1, ["cls"]),
        (2, ["cls", "distillation"]),
        (3, ["cls", "register1", "register2"]),
    ):
        assert first(explore(attentions=weights(tokens=16 + count), images=IMAGES, prefix=count)) == wanted
    four = [f"register{number}" for number in range(1, 5)]
    assert first(explore(TIMM["DINOv2 with registers"]().model, IMAGES)) == ["cls", *four]
    assert first(explore(TIMM["registers with positions"]().model, IMAGES)) == four[:3]
    assert first(explore(TIMM["DeiT, distilled"]().model, IMAGES)) == ["cls", "distillation"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"images": None}, "no images"),
        ({"attentions": None}, "eager"),  # what outputs.attentions is by default
        ({"model": "vit-cifar10"}, "not both"),
        ({"attentions": (None, None)}, "eager"),
        ({"attentions": []}, "no attention weights"),
        ({"attentions": weights(batch=3)}, "3 images, but there are 2"),
        ({"attentions": [weight[:, 0] for weight in weights()]}, "layer 1"),
        ({"attentions": [*weights(), weights(tokens=16)[0]]}, "layer 3"),
        ({"attentions": [weight.log() for weight in weights()]}, "softmax"),
        ({"attentions": [weight * 1.1 for weight in weights()]}, "evaluation mode"),
        ({"attentions": [weight * np.nan for weight in weights()]}, "not finite"),
        ({"attentions": weights(tokens=13), "prefix": 1}, "leave 12"),
        ({"attentions": weights(tokens=3)}, "3 tokens"),
        ({"prefix": 17}, "prefix is 17"),
        ({"attentions": ["a", "b"]}, "type str"),
        ({"attentions": 3}, "type int"),
    ],
)
def test_wrong_arguments_are_refused_in_one_sentence(change, named):
    given = {"attentions": weights(), "images": IMAGES} | change
    with pytest.raises(UserError, match=named) as error:
        explore(**given)
    assert str(error.value).endswith(".")


def test_wrong_models_and_images_of_a_model_are_refused():
    for model, images, named in (
        ("resnet-cifar10", IMAGES, "no attention"),
        ("no-such-run", IMAGES, "no-such-run"),
        (7, IMAGES, "type int"),
        ("vit-cifar10", torch.rand(1, 3, 64, 64), "64 x 64"),
    ):
        with pytest.raises(UserError, match=named):
            explore(model, images)
    with pytest.raises(UserError, match="leave out prefix"):
        explore("vit-cifar10", IMAGES, prefix=1)


def test_path_of_a_photo_is_explored(tmp_path):
    Image.new("RGB", (90, 70), "red").save(tmp_path / "cat.jpg")
    found = explore("vit-cifar10", str(tmp_path / "cat.jpg"))
    ((header, pixels, _, _),) = messages(found)
    assert header["name"] == "cat.jpg, center crop"
    assert pixels[16, 16, 0] > 250


def test_foreign_module_is_refused_by_its_name_and_its_attentions_can_be_explored():
    from transformers import SwinConfig, SwinModel

    sizes = {"embed_dim": 12, "depths": [1, 2], "num_heads": [1, 2], "window_size": 4, "image_size": 32}
    model = SwinModel(SwinConfig(**sizes, attn_implementation="eager")).eval()
    images = torch.rand(1, 3, 32, 32)
    with pytest.raises(UserError, match=r"a Swin Transformer with 3 blocks.*attentions=") as error:
        explore(model, images)
    assert "supported" in str(error.value)
    with torch.no_grad():
        maps = model(images, output_attentions=True).attentions
    assert explore(attentions=maps[-1:], images=images).tokens == 16  # the one window of the last stage
    with pytest.raises(UserError, match=r"Sequential.*attentions="):
        explore(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3072, 10)), images)


def test_large_document_is_refused_before_its_weights_are_copied():
    layer = torch.zeros(1).expand(1, 16, 1370, 1370)  # takes no memory
    with pytest.raises(UserError, match="fewer") as error:
        explore(attentions=[layer] * 24, images=torch.rand(3, 518, 518))
    megabytes = 2 * (24 * 16 + 1) * 1370**2 * 4 / 3 / 1e6
    assert f"{megabytes:,.0f} MB" in str(error.value)
    assert MOST > 24 * 16 * 257**2 * 2  # a ViT-L/14 at 224 pixels


def test_refusal_of_a_large_document_names_an_image_size_that_works(monkeypatch, tmp_path):
    from timm.models.vision_transformer import VisionTransformer

    from vitcore.exchange.checkpoint import import_checkpoint

    photo = Image.new("RGB", (90, 70))
    sizes = {"patch_size": 8, "embed_dim": 16, "depth": 2, "num_heads": 2, "num_classes": 3}
    monkeypatch.setattr(attentions, "MOST", document_bytes(2, 2, 2, 17) + 99)  # two images of 32 pixels

    def model(img_size):
        made = VisionTransformer(img_size=img_size, **sizes)
        made.pretrained_cfg = {"architecture": "vit_small_patch8_224"}
        return made

    torch.save(model(64).state_dict(), tmp_path / "net.pth")
    settings = {"num_heads": 2}
    run = import_checkpoint(tmp_path / "net.pth", settings=settings)
    for given, how in ((model(64), r"img_size=(\d+)"), (run.id, r"--set image_size=(\d+)")):
        with pytest.raises(UserError) as refusal:
            explore(given, photo)
        side = int(re.search(how, str(refusal.value))[1])
        assert side == 32
        smaller = import_checkpoint(tmp_path / "net.pth", settings=settings | {"image_size": side})
        assert explore(smaller.id if given == run.id else model(side), photo).tokens == 17
    with pytest.raises(UserError, match="at most 2 images"):
        explore(model(32), [photo] * 3)


def test_notebook_shows_a_sandboxed_document_that_loads_nothing(tmp_path):
    found = explore(attentions=weights(), images=IMAGES, title='a "quoted" <b>title</b>')
    shown = found._repr_html_()
    (document,) = re.findall(r'<iframe [^>]* srcdoc="([^"]*)">', shown)
    assert html.unescape(document) == found.html
    assert re.findall(r'sandbox="([^"]*)"', shown) == ["allow-scripts allow-downloads"]
    assert "default-src 'none'" in found.html
    assert "<b>title" not in found.html
    assert found.save(tmp_path / "x.html").read_text("utf-8") == found.html
    assert found.size == (tmp_path / "x.html").stat().st_size
    with pytest.raises(UserError, match="nowhere"):
        found.save(tmp_path / "nowhere" / "x.html")


def test_representation_is_short():
    assert len(repr(explore(attentions=weights(), images=IMAGES))) < 200
