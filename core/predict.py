"""Predict the keypoints of annotated people: read the image, crop, run the network, decode.

Training, conversion and benchmarking all predict with the functions of this module. In shapes, V are variants, N people
and K keypoints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from poseport import flip, pose
from poseport.data.batches import Batch, batches
from poseport.data.people import Person
from poseport.spec import Decode, HeatmapOutput, PoseSpec

# number of batches that the decoding may be behind the network
_BEHIND = 2


class PoseNetwork(Protocol):
    """A network that can be run: a converted file, a Keras model, or anything else with these two members."""

    @property
    def spec(self) -> PoseSpec:
        """The meaning of its input, output and keypoints."""

    def outputs(self, crops: np.ndarray) -> np.ndarray:
        """Run the network.

        Args:
            crops: (n, H, W, 3) uint8 RGB.

        Returns:
            Raw outputs, (n, *spec.output_shape) float32.
        """


@dataclass(frozen=True)
class Variant:
    """One of several ways to turn the outputs of a network into keypoints.

    Attributes:
        flip: average the outputs with those of the mirrored crop.
        decode: a decoder for heatmaps; None takes the one that the spec names.
    """

    flip: bool = False
    decode: Decode | None = None

    def applied_to(self, spec: PoseSpec) -> PoseSpec:
        """Put the decoder of this variant into a spec.

        Args:
            spec: the network's spec.

        Returns:
            The changed spec; the same one if there is no decoder, or no heatmap to decode.
        """
        if self.decode is None or not isinstance(spec.output, HeatmapOutput):
            return spec
        return replace(spec, output=replace(spec.output, decode=self.decode))


def predict(
    network: PoseNetwork,
    persons: Sequence[Person],
    *,
    flip: bool = False,
    batch: int = 4,
    threads: int = 1,
    progress: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Predict the keypoints of annotated people, each cropped by its own box.

    Args:
        network: the network to run.
        persons: N people with boxes and image files.
        flip: average the outputs with those of the mirrored crops.
        batch: people that are read and decoded at a time. A converted file runs one crop at a time in any case, and
            small batches keep the threads evenly busy.
        threads: threads that read and crop images.
        progress: called after each batch with the number of its people.

    Returns:
        (N, K, 3) float64: x, y in image pixels and a score in [0, 1], in the order of `persons`.

    Raises:
        ValueError: if an image cannot be read, or if the network refines the keypoints of another one.
    """
    variants = (Variant(flip),)
    return predict_variants(network, persons, variants, batch=batch, threads=threads, progress=progress)[0]


def predict_variants(
    network: PoseNetwork,
    persons: Sequence[Person],
    variants: Sequence[Variant],
    *,
    batch: int = 4,
    threads: int = 1,
    progress: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Predict the keypoints of annotated people in several variants, running the network once for all of them.

    Args:
        network: as in `predict`.
        persons: as in `predict`.
        variants: V ways to turn outputs into keypoints.
        batch: as in `predict`.
        threads: as in `predict`.
        progress: as in `predict`.

    Returns:
        (V, N, K, 3) float64: x, y in image pixels and a score in [0, 1].

    Raises:
        ValueError: as `predict`.
    """
    if network.spec.refine is not None:
        raise ValueError(
            f"{network.spec.name} refines the keypoints of another network and cannot run alone; run the whole cascade"
        )
    # people of the same photo behind each other, so that it is decoded once
    order = sorted(range(len(persons)), key=lambda i: str(persons[i].image_path))
    by_photo = [persons[i] for i in order]
    found = predict_crops(network, batches(network.spec, by_photo, batch, threads), variants, progress)
    return found[:, np.argsort(order)]


def predict_crops(
    network: PoseNetwork,
    parts: Iterable[Batch],
    variants: Sequence[Variant],
    progress: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Predict the keypoints in each of M crops. This thread runs the network, another one decodes.

    Args:
        network: the network to run.
        parts: batches of crops with the matrices that made them, M crops in all.
        variants: V ways to turn outputs into keypoints.
        progress: called after each batch with the number of its people.

    Returns:
        (V, M, K, 3) float64: x, y in image pixels and a score in [0, 1].
    """
    specs = [variant.applied_to(network.spec) for variant in variants]
    decoded: list[list[Future[np.ndarray]]] = [[] for _ in variants]
    with ThreadPoolExecutor(1) as decoder:
        for part in parts:
            plain = averaged = network.outputs(part.crops)
            if any(variant.flip for variant in variants):
                averaged = flip_average(network, part.crops, plain)
            for futures, variant, spec in zip(decoded, variants, specs, strict=True):
                outputs = averaged if variant.flip else plain
                futures.append(decoder.submit(pose.decode, spec, outputs, part.matrices))
                if len(futures) > _BEHIND:
                    futures[-1 - _BEHIND].result()  # a fast network's outputs do not pile up
            if progress is not None:
                progress(len(part.persons))
    return np.stack([np.concatenate([future.result() for future in futures]) for futures in decoded])


def flip_average(network: PoseNetwork, crops: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Average raw outputs with those of the mirrored crops (flip testing, as in Newell et al. 2016).

    Args:
        network: the network that gave the outputs.
        crops: (n, H, W, 3) uint8 RGB.
        outputs: (n, *spec.output_shape) float32, the network's outputs for `crops`.

    Returns:
        (n, *spec.output_shape) float32.
    """
    return (outputs + flip.unflip(network.spec, network.outputs(flip.flip(crops)))) / 2
