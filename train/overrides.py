"""A preset with single fields changed: by the data's keypoints, and by a user."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from poseport.records import from_data, to_data
from poseport.skeleton import Skeleton
from poseport.spec import CoordsOutput, HeatmapOutput, KeypointsOutput, PoseSpec
from poseport.train.config import Loss, check
from poseport.train.presets import Preset
from poseport.train.samples.augment import find

# architecture's fields that the command line overrides; which of them a network has is its family's matter
_NETWORK_OPTIONS = (
    "stacks", "stages", "multiplier", "blocks", "width", "depth", "block", "head", "trunk", "dense_units", "dropout",
)  # fmt: skip


def with_skeleton(chosen: Preset, skeleton: Skeleton) -> Preset:
    """The preset for another keypoint set."""
    return replace(chosen, spec=replace(chosen.spec, skeleton=skeleton))


def _with_loss(output: HeatmapOutput | CoordsOutput, loss: Loss) -> HeatmapOutput | CoordsOutput:
    """The output that a loss trains: of heatmaps the values follow (softmax: logits, else Gaussians), of
    coordinates their score (laplace: sigma).
    """
    if isinstance(output, HeatmapOutput):
        return replace(output, values="logits" if loss == "softmax" else "gaussian")
    if loss == "laplace" or output.score == "sigma":
        return CoordsOutput(score="sigma" if loss == "laplace" else "none")
    return output


def customise(chosen: Preset, options: dict[str, Any]) -> Preset:
    """The preset with the fields that a user gave (None: keep the preset's).

    Knows the fields of `TrainConfig`, of the preset's architecture and of its augmentation by their names,
    augment (a level or a file of ranges), input_size (pixels), padding, sigma and decode. With other `epochs`
    the preset's drops of the rate move in proportion. Raises ValueError when they do not fit the network.
    """
    given = {name: value for name, value in options.items() if value is not None}
    train = chosen.train
    augment = train.augment if "augment" not in given else find(given["augment"])
    augment = replace(augment, **_own(augment, given))
    if "epochs" in given and train.drop_at:
        share = given["epochs"] / train.epochs
        train = replace(
            train,
            drop_at=tuple(sorted({max(1, round(epoch * share)) for epoch in train.drop_at})),
            epochs=given["epochs"],
        )
    train = replace(train, **{**_own(train, given), "augment": augment})
    chosen = Preset(chosen.about, _customise_spec(chosen.spec, given), train)
    check(chosen.spec, chosen.train)
    return chosen


def _own(record: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Those of the given values that are fields of a record."""
    return {field.name: given[field.name] for field in fields(record) if field.name in given}


def _customise_spec(spec: PoseSpec, given: dict[str, Any]) -> PoseSpec:
    architecture = spec.architecture
    own = _own(architecture, given)
    for name in _NETWORK_OPTIONS:
        if name in given and name not in own:
            raise ValueError(f"--{name.replace('_', '-')} is nothing that {spec.name} has; leave it away")
    for name, value in own.items():  # a width counts channels in one family and multiplies them in the other
        if isinstance(getattr(architecture, name), int) and not isinstance(value, str):
            if not float(value).is_integer():
                raise ValueError(f"--{name.replace('_', '-')} {value}: {spec.name} takes whole numbers")
            own[name] = int(value)
    assert not isinstance(spec.output, KeypointsOutput)  # a foreign network is no preset
    output = _with_loss(spec.output, given["loss"]) if "loss" in given else spec.output
    for name in ("sigma", "decode"):
        if name in given and not isinstance(output, HeatmapOutput):
            raise ValueError(f"--{name} is about heatmaps, and {spec.name} has none; leave it away")
    if isinstance(output, HeatmapOutput):
        decode = replace(output.decode, method=given.get("decode", output.decode.method))
        output = replace(output, sigma=given.get("sigma", output.sigma), decode=decode)
    size = given.get("input_size")
    return replace(
        spec,
        # read as from a file: which words a field knows is only checked there
        architecture=from_data(type(architecture), to_data(replace(architecture, **own)), f"preset {spec.name}"),
        output=output,
        input_hw=(size, size) if size else spec.input_hw,
        padding=given.get("padding", spec.padding),
    )
