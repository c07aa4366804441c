"""The card of a conversion: recipe, engine, versions, weights and calibration people."""

from __future__ import annotations

from pathlib import Path

import keras
import tensorflow as tf

from poseport import __version__, bundle
from poseport.convert.engines import quantizer
from poseport.convert.engines.ai_edge import Quantized
from poseport.convert.float_file import FloatFile
from poseport.convert.graph.frozen_graph import FrozenNetwork
from poseport.people.detector_spec import DetectorSpec
from poseport.spec import PoseSpec
from poseport.tflite.card import Calibration, Conversion, DetectorCard, FineTuning, ModelCard


def card_of(
    source: Path,
    network: FrozenNetwork[PoseSpec] | FloatFile[PoseSpec],
    made: Quantized,
    manifest: Calibration | None,
    finetuning: FineTuning | None,
) -> ModelCard:
    """The card of a converted file: its spec, and how it was made of which weights and people."""
    if isinstance(network, FloatFile):
        return ModelCard(
            network.spec, _conversion("AI Edge Quantizer", network.weights_sha256, made, manifest, finetuning)
        )
    weights = bundle.sha256(source / bundle.WEIGHTS)
    return ModelCard(network.spec, _conversion(made.recipe.engine, weights, made, manifest, finetuning))


def detector_card(source: Path, spec: DetectorSpec, made: Quantized, manifest: Calibration | None) -> DetectorCard:
    """The card of a converted person detector."""
    weights = bundle.sha256(source / bundle.WEIGHTS)
    return DetectorCard(spec, _conversion(made.recipe.engine, weights, made, manifest, None))


def _conversion(
    engine: str, weights: str, made: Quantized, manifest: Calibration | None, finetuning: FineTuning | None
) -> Conversion:
    engine, packages = _versions(engine)
    return Conversion(
        recipe=made.recipe.name,
        engine=engine,
        weights_sha256=weights,
        versions={"poseport": __version__, "tensorflow": tf.__version__, "keras": keras.__version__} | packages,
        calibration=manifest if made.recipe.calibrated else None,
        kept=tuple(layer.name for layer in made.kept),
        budget=made.budget,
        finetuning=finetuning,
    )


def _versions(engine: str) -> tuple[str, dict[str, str]]:
    """An engine with its version, and the versions of the packages that only it needs."""
    if engine == "TFLiteConverter":
        return f"{engine} of tensorflow {tf.__version__}", {}
    version = quantizer.version()
    return f"{engine} of litert-quantizer {version}", {"litert-quantizer": version}
