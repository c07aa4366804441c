"""Check which runtimes and delegates support a .tflite."""

from __future__ import annotations

from poseport.convert.doctor.dataflow import Graph
from poseport.convert.doctor.finding import Finding, some, tally
from poseport.convert.doctor.runtimes import LATEST, oldest_runtime
from poseport.tflite import delegates, partition
from poseport.tflite.inspection import Inspection

# Operations of the plain runtimes besides the built-in ones.
_REGISTERED = ("CUSTOM:TFLite_Detection_PostProcess", "CUSTOM:Mfcc", "CUSTOM:AudioSpectrogram")

# The last TFLite known to refuse int8 to int16 on Android, which the table allows; the first to load it is unknown.
_NO_WIDENING = (2, 16, 1)


def check_support(graph: Graph, runtime: tuple[int, ...] | None = None) -> list[Finding]:
    """Find the operations that a delegate or the plain runtime cannot take.

    Args:
        graph: The file's graph.
        runtime: The TFLite that must load the file; None to skip that check.

    Returns:
        The findings.
    """
    return _runtimes(graph, runtime) + [f for one in delegates.ALL if (f := _delegate(graph, one)) is not None]


def needed_runtime(inspection: Inspection) -> tuple[int, ...] | None:
    """Find the oldest TFLite that has every built-in operation of a file in its version.

    Args:
        inspection: What is in the file.

    Returns:
        The numbers of its version; None if it is not known.
    """
    known = [oldest_runtime(op.kind, op.version) for op in inspection.ops if not op.kind.startswith("CUSTOM:")]
    return None if None in known else max((version for version in known if version), default=None)


def _delegate(graph: Graph, delegate: delegates.Delegate) -> Finding | None:
    """Find the operations that a delegate does not take, and those that run elsewhere because of them."""
    inspection = graph.inspection
    ran, refused = partition.predict(inspection, delegate)
    if not refused:
        return None
    taken = {i for i in partition.active(inspection) if i not in refused}
    own = [piece for piece in partition.pieces(inspection, taken) if piece[0] in taken]
    held = sum(inspection.ops[i].macs for i in refused) / max(inspection.macs, 1)
    outside = 1 - ran.macs_low
    reasons = tally(f"{inspection.ops[i].kind} ({why})" for i, why in refused.items())
    limit = f", of which it takes {delegate.parts}" if delegate.parts and len(own) > delegate.parts else ""
    costly = outside >= 0.01
    return Finding(
        delegate.key,
        "warning" if delegate.key == "gpu" or (delegate.key == "xnnpack" and costly) else "note",
        f"{delegate.name} cannot take {len(refused)} of {ran.operations} operations: {reasons}. They hold "
        f"{100 * held:.1f} % of the multiply-adds and divide the rest into {len(own)} pieces{limit}: "
        f"{100 * outside:.1f} % run on {delegate.rest}",
        "replace the operations, or cut them off the network's end and do them after it",
        {
            "refused": len(refused), "operations": ran.operations, "refused_macs_share": round(held, 4),
            "outside_macs_share": round(outside, 4), "pieces": len(own),
            "reasons": sorted({f"{inspection.ops[i].kind}: {why}" for i, why in refused.items()}),
        },
    )  # fmt: skip


def _runtimes(graph: Graph, runtime: tuple[int, ...] | None) -> list[Finding]:
    """Find operations that a plain runtime does not have, at all or in this version."""
    findings = []
    foreign = [op.kind for op in graph.inspection.ops if op.kind.startswith("CUSTOM:") and op.kind not in _REGISTERED]
    if foreign:
        findings.append(
            Finding(
                "custom-op",
                "error",
                f"{len(foreign)} operations are not TFLite's own ({tally(foreign)}): a plain runtime does not load "
                "the file",
                "replace the layers; operations called Flex... need the select-tf-ops library in the app",
                {"operations": len(foreign), "kinds": sorted(set(foreign))},
            )
        )
    builtin = {(op.kind, op.version) for op in graph.inspection.ops if not op.kind.startswith("CUSTOM:")}
    unknown = sorted(f"{kind} version {version}" for kind, version in builtin if oldest_runtime(kind, version) is None)
    if unknown:
        newest = ".".join(map(str, LATEST))
        findings.append(
            Finding(
                "unknown-version", "warning", f"{some(unknown)}: in no runtime up to TFLite {newest}",
                "convert with an older TensorFlow, or try the file on the runtime of the app", {"operations": unknown},
            )
        )  # fmt: skip
    if runtime is not None:
        needs = {pair: oldest for pair in builtin if (oldest := oldest_runtime(*pair)) and oldest > runtime}
        if needs:
            said = [f"{k} version {v} (TFLite {'.'.join(map(str, needs[k, v]))})" for k, v in sorted(needs)]
            findings.append(
                Finding(
                    "runtime",
                    "error",
                    f"TFLite {'.'.join(map(str, runtime))} does not load it: {some(said)} came later",
                    "take a newer runtime, or another recipe; a dense layer of version 12 comes from `dynamic`, whose "
                    "weights are per channel: int8 or float16 load everywhere",
                    {"operations": said, "needed": ".".join(map(str, max(needs.values())))},
                )
            )
        if runtime <= _NO_WIDENING and (widened := _widened(graph)):
            findings.append(
                Finding(
                    "runtime-types", "error",
                    f"TFLite {'.'.join(map(str, runtime))} does not load it: QUANTIZE from int8 to int16 ({widened} "
                    "times) came later, whatever its version says", "take a newer runtime, or recipe mixed-float32",
                    {"operations": widened},
                )
            )  # fmt: skip
    return findings


def _widened(graph: Graph) -> int:
    """Count the operations that turn int8 activations into int16 ones."""
    types = [tensor.dtype for tensor in graph.inspection.tensors]
    casts = [(op.inputs[:1], op.outputs[:1]) for op in graph.inspection.ops if op.kind == "QUANTIZE"]
    # in a damaged file operations have no inputs, or -1 as an input
    return sum(
        [types[i] for i in given if i >= 0] == ["int8"] and [types[i] for i in made if i >= 0] == ["int16"]
        for given, made in casts
    )
