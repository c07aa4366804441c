"""`poseport presets`, and the options that name a preset and change its settings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from poseport.command.options import answer, guarded, output_options
from poseport.command.parameters import LazyChoice


def _names() -> Iterable[str]:
    from poseport.train.detector.command import PRESET
    from poseport.train.presets import PRESETS

    return [*PRESETS, PRESET]


PRESET = LazyChoice(_names)
settings_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change any setting of the preset, such as architecture.width=72, augment.blur=0.2, train.momentum=0.9 or "
    "teacher.flip=true; may be repeated. `poseport presets NAME` lists the settings.",
)


@click.command()
@click.argument("name", required=False, type=PRESET)
@output_options
@guarded
def presets(name: str | None, quiet: bool, as_json: bool) -> None:
    """List the presets: what each network is, its input size, its number of parameters and where it comes from. With
    NAME, list the settings of one preset, as `poseport train --set` takes them.

    Example: poseport presets mobile-hourglass
    """
    from poseport.train.detector.command import PRESET as DETECTOR
    from poseport.train.overrides import settings_of
    from poseport.train.presets import PRESETS

    if name == DETECTOR:
        from poseport.records import to_data
        from poseport.train.detector.record import DetectorTraining

        settings = to_data(DetectorTraining())
        text = "\n".join(f"{key}={_text(value)}" for key, value in settings.items())
        return answer({"preset": name, "settings": settings}, text, as_json=as_json, quiet=quiet)
    if name is not None:
        settings = settings_of(PRESETS[name])
        lines = [f"{key}={_text(value)}" for key, value in settings.items()]
        answer({"preset": name, "settings": settings}, "\n".join(lines), as_json=as_json, quiet=quiet)
        return
    rows: list[dict[str, Any]] = [
        {
            "name": key, "about": preset.about, "input": list(preset.spec.input_hw[::-1]),
            "parameters": preset.parameters, "source": preset.source,
        }
        for key, preset in PRESETS.items()
    ]  # fmt: skip
    rows.append(
        {
            "name": DETECTOR, "about": "finds people: their centres and sizes, behind the encoder of --init",
            "input": [256, 256], "parameters": 2_310_981, "source": "Zhou, Wang and Krähenbühl 2019",
        }
    )  # fmt: skip
    lines = [
        f"{r['name']:<27}{r['input'][0]}x{r['input'][1]}{r['parameters'] / 1e6:>8.2f} M  {r['about']} [{r['source']}]"
        for r in rows
    ]
    answer({"presets": rows}, "\n".join(lines), as_json=as_json, quiet=quiet)


def _text(value: Any) -> str:
    """A value as `--set` reads it."""
    import json

    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
