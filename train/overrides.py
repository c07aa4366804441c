"""A preset with settings changed: by the data's keypoints, by the options of a command, and by its `--set`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from poseport.command.parameters import nearest_first
from poseport.files.json_text import parse_json
from poseport.records import from_data, to_data
from poseport.skeleton import Skeleton
from poseport.spec import CoordsOutput, HeatmapOutput, PoseSpec, SimccOutput
from poseport.train.config import Loss, TeacherConfig, TrainConfig, check
from poseport.train.presets import Preset
from poseport.train.samples.augment import find

# options of `poseport train` -> the setting that each one changes
OPTIONS = {
    "loss": "train.loss", "epochs": "train.epochs", "batch": "train.batch", "seed": "train.seed",
    "optimizer": "train.optimizer", "learning_rate": "train.learning_rate", "schedule": "train.schedule",
    "warmup": "train.warmup", "patience": "train.patience", "precision": "train.precision",
    "freeze_epochs": "train.freeze_epochs", "eval_every": "train.eval_every", "decoder": "output.decode.method",
}  # fmt: skip
Trained = HeatmapOutput | CoordsOutput | SimccOutput
# outputs that `output.kind` names, and the loss that trains each
_OUTPUTS: dict[str, tuple[Trained, Loss]] = {
    "heatmap": (HeatmapOutput(values="logits"), "softmax"),
    "coords": (CoordsOutput(score="sigma"), "laplace"),
    "simcc": (SimccOutput(values="logits"), "softmax"),
}
_STRUCTURE = (
    "name",
    "architecture",
    "skeleton",
    "output",
    "refine",
)  # parts of a spec that are not settings of the spec itself


def with_skeleton(chosen: Preset, skeleton: Skeleton) -> Preset:
    """Give a preset another keypoint set.

    Args:
        chosen: The preset.
        skeleton: The keypoint set of the people to train on.

    Returns:
        The changed preset.
    """
    return replace(chosen, spec=replace(chosen.spec, skeleton=skeleton))


def customise(chosen: Preset, options: Mapping[str, Any], settings: Sequence[str] = ()) -> Preset:
    """Change settings of a preset.

    With other epochs, the preset's drops of the learning rate move in proportion. With another loss, the output
    takes the form that this loss trains. Other settings can override both.

    Args:
        chosen: The preset.
        options: Values of the options in `OPTIONS`, `augment` (a level or a .json file) and `input_size` (pixels).
            None keeps the preset's value.
        settings: Texts such as "architecture.width=72", typed and checked as if they stood in a bundle's files.

    Returns:
        The changed preset.

    Raises:
        ValueError: If a setting does not exist for this network (with those that do, nearest first), has another
            type, or does not suit the network.
    """
    preset = f"preset {chosen.spec.name}"
    given = {key: options[name] for name, key in OPTIONS.items() if options.get(name) is not None}
    if (size := options.get("input_size")) is not None:
        given["spec.input_hw"] = [size, size]
    texts = dict(map(_split, settings))
    chosen = _with_output(chosen, texts.get("output.kind"))
    tree = _tree(chosen, options.get("augment"), texts.get("train.loss", given.get("train.loss")))
    known = dict(_leaves(tree))
    for option, key in OPTIONS.items():
        if key in given and key not in known:
            raise ValueError(f"--{option.replace('_', '-')} does not apply to {preset}; remove it")
    for key, text in texts.items():
        if key not in known:
            raise ValueError(_unknown(key, preset, known))
        given[key] = _value(text, known[key])
    if isinstance(epochs := given.get("train.epochs"), int):
        share = epochs / chosen.train.epochs
        tree["train"]["drop_at"] = sorted({max(1, round(epoch * share)) for epoch in chosen.train.drop_at})
    for key, value in given.items():
        *path, name = key.split(".")
        record = tree
        for step in path:
            record = record[step]
        record[name] = value
    own = {name: tree[name] for name in ("architecture", "output", "refine") if name in tree}
    spec = from_data(PoseSpec, {**to_data(chosen.spec), **tree["spec"], **own}, preset)
    train = from_data(TrainConfig, {**tree["train"], "augment": tree["augment"]}, preset)
    check(spec, train)
    return replace(chosen, spec=spec, train=train)


def settings_of(chosen: Preset) -> dict[str, Any]:
    """List all settings of a preset that `--set` changes.

    Args:
        chosen: The preset.

    Returns:
        Values by dotted name, such as `architecture.width`.
    """
    return dict(_leaves(_tree(chosen, None, None)))


def teacher_settings(settings: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """Separate the settings of a teacher, such as "teacher.flip=true", from all others.

    Args:
        settings: The values of `--set`.

    Returns:
        Fields of `TeacherConfig`, and the other settings.

    Raises:
        ValueError: If a teacher has no such setting (with its settings, nearest first), or a value has another type.
    """
    texts = [text for text in settings if text.startswith("teacher.")]
    known = {f"teacher.{name}": value for name, value in to_data(TeacherConfig("", "")).items() if value != ""}
    fields = {}
    for key, text in map(_split, texts):
        if key not in known:
            raise ValueError(_unknown(key, "a teacher", known))
        fields[key.removeprefix("teacher.")] = _value(text, known[key])
    from_data(TeacherConfig, {"file": "", "sha256": "", **fields}, "--set teacher")
    return fields, [text for text in settings if text not in texts]


def _tree(chosen: Preset, level: str | None, loss: str | None) -> dict[str, Any]:
    """All settings of a preset as nested dicts: architecture, output, spec, train, augment and, if any, refine."""
    output = chosen.spec.output
    assert isinstance(output, Trained)  # a preset can be trained
    spec, train = to_data(chosen.spec), to_data(chosen.train)
    del train["teacher"]
    augment = train.pop("augment") if level is None else to_data(find(level))
    tree = {
        "architecture": _settings(chosen.spec.architecture),
        "output": _settings(output if loss is None else _with_loss(output, loss)),
        "spec": {name: value for name, value in spec.items() if name not in _STRUCTURE},
        "train": train,
        "augment": augment,
    }
    return tree if spec["refine"] is None else {**tree, "refine": spec["refine"]}


def _settings(record: Any) -> dict[str, Any]:
    """The fields of a record, with those settings that a file leaves out where they have their default."""
    late = {name: getattr(record, name) for name in ("dense_units", "sigma") if hasattr(record, name)}
    return to_data(record) | late


def _with_output(chosen: Preset, kind: str | None) -> Preset:
    """The preset with another kind of output, and the loss that trains it."""
    if kind in (None, chosen.spec.output.kind):
        return chosen
    if kind not in _OUTPUTS:
        raise ValueError(f"--set output.kind={kind}: nothing is trained by that name; choose {', '.join(_OUTPUTS)}")
    output, loss = _OUTPUTS[kind]
    return replace(chosen, spec=replace(chosen.spec, output=output), train=replace(chosen.train, loss=loss))


def _with_loss(output: Trained, loss: str) -> Trained:
    """The output that a loss trains: logits for softmax, Gaussians for other heatmaps, a sigma for Laplace."""
    if isinstance(output, HeatmapOutput):
        return replace(output, values="logits" if loss == "softmax" else "gaussian")
    if isinstance(output, CoordsOutput) and (loss == "laplace" or output.score == "sigma"):
        return CoordsOutput(score="sigma" if loss == "laplace" else "none")
    return output


def _leaves(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every setting as (dotted name, value), except the kind of network, which cannot be set."""
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{above}{name}.")
        elif name != "kind" or above == "output.":
            yield f"{above}{name}", value


def _split(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not value:
        raise ValueError(f"--set {text!r}: expected KEY=VALUE, such as architecture.width=72 or augment.blur=0.2")
    return key.strip(), value.strip()


def _value(text: str, current: Any) -> Any:
    """Read a value as JSON; text that is not JSON is a word, or a list where it has commas."""
    value: Any
    try:
        value = parse_json(text.lower() if text.lower() in ("true", "false") else text)
    except ValueError:
        value = [_value(part.strip(), None) for part in text.split(",")] if "," in text else text
    return [value] if isinstance(current, list) and not isinstance(value, list) else value


def _unknown(key: str, owner: str, known: Mapping[str, Any]) -> str:
    """Error message for a key that does not exist, with the keys of its group, or else all keys."""
    group = key.partition(".")[0] + "."
    names = [name for name in known if name.startswith(group)] or list(known)
    return f"--set {key}: {owner} has no such setting; nearest first: {', '.join(nearest_first(key, names))}"
