"""Move arrays to the training device without waiting for it."""

from __future__ import annotations

import numpy as np
import torch


def to_device(values: np.ndarray, device: torch.device, dtype: torch.dtype | None = None) -> torch.Tensor:
    """Return an array as a tensor on a device.

    A copy to a GPU goes through pinned memory, so that it does not wait for the GPU's earlier work.
    """
    tensor = torch.from_numpy(values)
    tensor = tensor.to(dtype or tensor.dtype)
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)
