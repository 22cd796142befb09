"""Messages for the explorer and for two explorers side by side, and their values for the JavaScript tests.

`python -m tests.unit.components.messages` writes them to message.json and pair.json.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np

from dashboard.components import pair
from dashboard.components.explorer import message

FILE = Path(__file__).parent / "message.json"
PAIR_FILE = Path(__file__).parent / "pair.json"
LAYERS, HEADS, SIDE, SIZE = 2, 3, 2, 4
TOKENS = SIDE * SIDE + 1  # with CLS
HEADER = {
    "key": "a café, \u2212 and \U0001f600",  # characters of two, three and four bytes
    "image": "abc123",
    "layers": LAYERS,
    "heads": HEADS,
    "tokens": TOKENS,
    "side": SIDE,
    "first": 1,
    "size": SIZE,
    "only": None,
}


def parts() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the image uint8 [3, S, S], float16 weights [L, H, T, T], rollout [T, T] and mask [S, S]."""
    random = np.random.default_rng(7)
    image = random.integers(0, 256, (3, SIZE, SIZE), dtype=np.uint8)
    weights = random.dirichlet(np.ones(TOKENS), (LAYERS, HEADS, TOKENS)).astype("<f2")
    # zero, the smallest subnormal, the smallest normal number, a negative one, the largest
    weights[0, 0, 0] = [0, 2.0**-24, 2.0**-14, -1.5, 65504]
    rollout = random.dirichlet(np.ones(TOKENS), TOKENS).astype("<f2")
    return image, weights, rollout, random.random((SIZE, SIZE)) < 0.4


def message_with_values() -> dict[str, Any]:
    """Return the message in base64, and all its values as lists."""
    image, weights, rollout, mask = parts()
    sent = weights.tobytes() + rollout.tobytes()
    data, without_image = message(HEADER, image, sent), message(HEADER, None, sent)
    text = base64.urlsafe_b64encode(np.packbits(mask).tobytes()).decode().rstrip("=")
    return {
        "bytes": base64.b64encode(data).decode(),
        "without_image": base64.b64encode(without_image).decode(),
        "header": HEADER,
        "image": image.transpose(1, 2, 0).ravel().tolist(),
        "weights": weights.astype(float).ravel().tolist(),
        "rollout": rollout.astype(float).ravel().tolist(),
        "mask": {"text": f"abc123.{text}", "bits": mask.ravel().astype(int).tolist()},
    }


def pair_messages() -> dict[str, Any]:
    """Return messages for two models, with the weights of both, of the right one, and of none."""
    image, weights, rollout, _ = parts()
    small = {**HEADER, "layers": 1, "heads": 1}
    sent = [
        np.concatenate([weights.ravel(), rollout.ravel()]),
        np.concatenate([weights[1, 2].ravel(), rollout.T.ravel()]),
    ]
    images = [image, image[::-1]]
    written = []
    for has in ((True, True), (False, True), (False, False)):
        given = [part.tobytes() if one else None for part, one in zip(sent, has, strict=True)]
        data = pair.message({"sides": [HEADER, small]}, images, given)
        written.append(
            {
                "bytes": base64.b64encode(data).decode(),
                "images": [image.transpose(1, 2, 0).ravel().tolist() for image in images],
                "weights": [
                    part.astype(float).tolist() if one else None for part, one in zip(sent, has, strict=True)
                ],
            }
        )
    return {"messages": written}


if __name__ == "__main__":
    FILE.write_text(json.dumps(message_with_values(), indent=1) + "\n")
    PAIR_FILE.write_text(json.dumps(pair_messages(), indent=1) + "\n")
