"""Name and shape of one output tensor of a file."""

from __future__ import annotations

from typing import Literal, NamedTuple

Layout = Literal["channels-last", "channels-first"]


class OutputTensor(NamedTuple):
    """One output tensor of a file.

    Attributes:
        name: of the tensor, or of the output in the file's signature; "" for the only output of a file.
        shape: its shape for one crop, without the batch axis.
        layout: where the channels are; "channels-last" unless the shape is (channels, height, width).
    """

    name: str
    shape: tuple[int, ...]
    layout: Layout = "channels-last"


def map_tensor(name: str, shape: tuple[int, int, int], layout: Layout) -> OutputTensor:
    """The tensor that holds maps of a shape (height, width, channels) in a layout."""
    h, w, channels = shape
    return OutputTensor(name, (channels, h, w) if layout == "channels-first" else shape, layout)
