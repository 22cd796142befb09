"""The numbers in the answers of the exercises about Attention: a function for each returns its phrases."""

from __future__ import annotations

import math

import numpy as np
import torch

from tests.house import inside
from tests.house.inside import HEAD, block, image, model, token, trace
from tests.house.stored import RUNS, head_behavior, head_distances, values
from vitcore.analysis import faithfulness
from vitcore.analysis.convolution_steps import convolution_steps
from vitcore.analysis.features import outliers, received_attention, residual_stream, unit_features
from vitcore.analysis.inside import logit_lens
from vitcore.attribution import METHODS
from vitcore.attribution.checks import ORDERS, SEEDS, with_random_weights
from vitcore.runs.folder import find_run


def distance():
    patch, side = find_run(RUNS[0]).config.options["patch_size"], 8
    assert block().weights[HEAD - 1, token(4, 5)].argmax() == token(5, 7)
    between = patch * math.hypot(5 - 4, 7 - 5)
    mean, entropy = (
        head_behavior(field).mean[inside.LAYER - 1][HEAD - 1] for field in ("distance", "entropy")
    )
    return [
        f"{between:.1f} pixels, since it is one row and two columns away, and a patch has {patch} pixels",
        f"the mean distance of the head is {mean:.1f} pixels. Its mean entropy is {entropy:.2f} bits",
        f"the {math.log2(side**2):.0f} bits of uniform attention",
    ]


def scaling():
    options = find_run(RUNS[0]).config.options
    width, heads = options["embed_dim"], options["num_heads"]
    fewer, channels = width // 4, width // heads
    return [
        f"By {math.sqrt(fewer):.0f}. Each of 4 heads would have {fewer} channels, and $\\sqrt{{{fewer}}}$ is "
        f"{math.sqrt(fewer):.0f}",
        f"{heads} heads have {channels} channels each, and $\\sqrt{{{channels}}}$ is about "
        f"{math.sqrt(channels):.2f}",
    ]


def softmax_rows():
    weights = trace().weights[0, 0]  # [heads, queries, keys]
    torch.testing.assert_close(weights.sum(dim=2), torch.ones(8, 65))
    columns = weights.sum(dim=1)
    assert columns.std() > 0.5
    mean = float(columns[:, 0].mean())
    return [
        f"In layer 1, CLS receives {100 * mean / 65:.1f} % of all attention",
        f"With 65 queries, its column sums to {mean:.1f} on average",
    ]


def without_division():
    own, best = token(4, 5), token(5, 7)
    scores, weights = block().scores[HEAD - 1, own], block().weights[HEAD - 1, own]
    sharp = torch.softmax(scores / 0.177, dim=0)
    assert abs(0.177 * math.sqrt(32) - 1) < 0.002  # the temperature in the question undoes the division
    torch.testing.assert_close(sharp.argsort(), scores.argsort())
    assert sharp.argmax() == best
    assert (sharp < 0.02).sum() >= 60  # "nearly all others next to nothing"
    return [
        f"The patch in row 5, column 7 would get {100 * sharp[best]:.0f} % of the weight instead of "
        f"{100 * weights[best]:.1f} %"
    ]


def contribution():
    own, heavy, strong = token(3, 4), token(5, 4), token(4, 3)
    weights, lengths = block().weights[HEAD - 1, own], block().v[HEAD - 1].norm(dim=1)
    parts = weights * lengths
    assert (weights.argmax(), parts.argmax()) == (heavy, strong)
    texts = [
        (f"{100 * weights[t]:.1f} %", f"a norm of {lengths[t]:.2f}, which gives {parts[t]:.3f}")
        for t in (heavy, strong)
    ]
    return [
        f"Its weight is {texts[0][0]} and its value has {texts[0][1]}",
        f"The patch in row 4, column 3 has a weight of {texts[1][0]} and a value with {texts[1][1]}",
    ]


def residual():
    own = token(4, 5)
    before, middle, after = (part[own] for part in (block().input, block().middle, block().output))
    whole, attention = inside.cosine(before, after), inside.cosine(before, middle)
    angles = [math.degrees(math.acos(found)) for found in (whole, attention)]
    return [
        f"before and after the block is {whole:.2f}, an angle of {angles[0]:.0f} degrees",
        f"After attention alone (*Residual*) it is {attention:.2f}, an angle of {angles[1]:.0f} degrees",
        f"Attention adds a vector of norm {block().projected[own].norm():.1f}, the MLP one of norm "
        f"{block().mlp[own].norm():.1f}",
    ]


def classifier():
    found = inside.head_of_model()
    (first, second), (best, next_best) = found.logits.topk(2)
    shares = 100 * found.logits.softmax(0)
    return [
        f"{len(found.normalized)} numbers of CLS",
        f"The logit of {inside.classes()[best]} is {first:.2f}, and the next one is that of "
        f"{inside.classes()[next_best]} with {second:.2f}. The softmax makes {shares[best]:.0f} % and "
        f"{shares[next_best]:.0f} % of them",
    ]


def kernel():
    one = convolution_steps(model(RUNS[1]), image(), 2).convolutions[0]
    count, each = len(one.weight), one.weight[0].numel()
    positions = one.output[0].numel()
    step, low, high = one.field
    assert step == 1
    side = high - low + 1
    return [
        f"{count} kernels of {each} weights, which are {count * each:,}",
        f"There are {positions:,} positions, and without sharing they would need "
        f"{positions * count * each:,}",
        f"depends on {side} x {side} of the 32 x 32 pixels",
    ]


def nearest():
    heads = head_distances(RUNS[0])  # by which the view of the answer orders the heads
    even = values("distance", RUNS[0])["references"]["uniform"]
    first, second = heads[:2]
    assert min(second) == min(map(min, heads))
    return [
        "In layer 1, the mean distances of the heads",
        f"are between {min(first):.1f} and {max(first):.1f} pixels",
        f"the {even:.1f} pixels of uniform",
        f"In layer 2, they are between {min(second):.1f} and {max(second):.1f} pixels",
    ]


def by_position():
    found, distance = np.array(head_behavior("position").mean), np.array(head_distances(RUNS[0]))
    layer, head = np.unravel_index(found.argmax(), found.shape)
    assert distance.argmin() == found.argmax()
    return [
        f"Head {head + 1} of layer {layer + 1}",
        f"position correlation is {found.max():.2f}, and 1 would mean",
    ]


def removal():
    change = head_behavior("log_change")
    mean, error = np.array(change.mean), np.array(change.error)
    layer, head = np.unravel_index(mean.argmin(), mean.shape)
    return [
        f"Head {head + 1} of layer {layer + 1}",
        f"falls by {-mean.min():.3f} nats",
        f"On 200 images, {(np.abs(mean) > 2 * error).sum()} of the {mean.size} changes",
    ]


def two_images():
    own = token(4, 5)
    cat, dog = (trace(name).weights[0, inside.LAYER - 1, HEAD - 1, own] for name in ("cat", "dog"))
    patch = int((cat - dog)[1:].abs().argmax()) + 1
    assert patch == token(5, 5)
    return [
        "At row 5, column 5",
        f"the dog's image has a weight of {dog[patch]:.3f}, and the cat's {cat[patch]:.3f}",
    ]


def lens():
    shares = logit_lens(model(), trace())[0].softmax(-1)  # [layers + 1, classes]
    cat = inside.classes().index("cat")
    first = next(i for i, row in enumerate(shares) if row.argmax() == cat)
    percent = [f"{100 * row[cat]:.0f} %" for row in shares]
    assert all(row.argmax() == cat for row in shares[first:])
    return [
        f"After block {first}, with {percent[first]}. It has {percent[4]} after block 4 and {percent[5]} "
        f"after block 5. The last block lowers it to {percent[6]}"
    ]


def similar_tokens():
    units = unit_features(residual_stream(model(), trace())[0])  # [layers + 2, T, D]
    found = units @ units[:, 1].unsqueeze(-1)
    best = [int(found[i, 2:, 0].argmax()) + 2 for i in (0, 6)]
    assert best == [token(1, 2)] * 2
    return [
        f"The cosine is {float(found[0, 2, 0]):.2f} before the first block and {float(found[6, 2, 0]):.2f} "
        "after the last one"
    ]


def sinks():
    norms = residual_stream(model(), trace())[0].norm(dim=-1)
    assert not outliers(norms, prefix=1).any()
    received = received_attention(trace().weights[0])
    return [
        f"in layer 1, CLS receives {100 * received[0, 0]:.1f} % of the attention. Uniform attention would "
        f"give it {100 / 65:.1f} %"
    ]


def class_map(name, network):
    method = METHODS[name]
    cat = torch.tensor([inside.classes().index("cat")])
    found = method.compute(network, image(), cat, {key: s.default for key, s in method.settings.items()})
    return found[0].detach().numpy()


def mean_and_error(found):
    return np.mean(found), np.std(found, ddof=1) / math.sqrt(len(found))


def random_weights():
    texts = []
    for name, run in (("grad-cam", RUNS[1]), ("relevance", RUNS[0])):
        own = class_map(name, model(run))
        config = find_run(run).config
        random = [class_map(name, with_random_weights(config, seed)) for seed in SEEDS]
        mean, error = mean_and_error([faithfulness.rank_correlation(own, one) for one in random])
        texts.append(f"{mean:.2f} ± {error:.2f}".replace("-", "−"))
    return [
        f"maps of five random models is {texts[0]}",
        f"For class relevance of the ViT, it is {texts[1]}",
    ]


def deletion():
    cat = inside.classes().index("cat")

    def area(order):
        return faithfulness.area(faithfulness.deletion_and_insertion(model(), image(), cat, order)[0])

    rollout, relevance = (
        area(faithfulness.order_of(class_map(name, model()))) for name in ("rollout", "relevance")
    )
    mean, error = mean_and_error([area(faithfulness.random_order(seed)) for seed in ORDERS])
    assert abs(rollout - mean) < error
    return [
        f"its deletion curve is {rollout:.3f}, and random orders have {mean:.3f} as well, with a standard "
        f"error of {error:.3f}. For class relevance it is {relevance:.3f}"
    ]
