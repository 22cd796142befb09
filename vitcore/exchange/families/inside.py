"""Find a network inside another module, whose name is then a prefix of all names of the network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vitcore.exchange.families.family import Tensors
from vitcore.reading import short

DEEPEST = 8  # parts of a prefix
PREFERRED = ("teacher", "student")  # as `vitcore.exchange.tensors.WEIGHTS` does
HEAD = {"classifier.weight", "classifier.bias"}  # next to a network without one


@dataclass(frozen=True)
class Inside:
    """The tensors of a network by their names in it, and the prefixes of networks that are left out.

    `problem` says why one network cannot be told, and follows the name of the file in a sentence.
    """

    tensors: Tensors
    left_out: tuple[str, ...] = ()
    problem: str = ""


def look_inside(tensors: Tensors, unwrapped: Callable[[Tensors], Tensors | None]) -> Inside | None:
    """Return the network below a prefix, or None if there is none.

    `unwrapped` returns the tensors of a recognized network without its wrappers, or None. Of a teacher and
    its student, the teacher is returned. A single linear classifier next to the network becomes a part of it.
    """
    below: dict[str, Tensors] = {}
    for name, value in tensors.items():
        parts = name.split(".", DEEPEST)
        for count in range(1, len(parts)):
            below.setdefault(".".join(parts[:count]), {})[name.split(".", count)[-1]] = value
    networks: dict[str, Tensors] = {}
    for prefix in sorted(below, key=len):  # the outer ones first
        if not any(prefix.startswith(f"{outer}.") for outer in networks):
            found = unwrapped(below[prefix])
            if found is not None:
                networks[prefix] = found
    if not networks:
        return None
    chosen = next((prefix for prefix in PREFERRED if prefix in networks), min(networks))
    others = tuple(prefix for prefix in networks if prefix != chosen)
    rest = [name for name in tensors if not any(name.startswith(f"{prefix}.") for prefix in networks)]
    if others and chosen not in PREFERRED:
        named = " and ".join(f"`{_plain(prefix)}`" for prefix in networks)
        return Inside(networks[chosen], problem=f"holds several networks, in {named}: save only one of them")
    if unknown := [name for name in rest if name not in HEAD]:
        more = f"`{_plain(unknown[0])}`: save only the state_dict of that network"
        return Inside(networks[chosen], problem=f"holds a network in `{_plain(chosen)}`, but also {more}")
    return Inside(networks[chosen] | {name: tensors[name] for name in rest}, others)


def _plain(name: str) -> str:
    return short(name).strip("'")
