"""`poseport bench`: accuracy, latency, gate, report."""

from __future__ import annotations

from pathlib import Path

import click

from poseport.options import (
    PATH,
    answer,
    guarded,
    load_people,
    output_options,
    people_options,
    progress,
    skeleton_option,
)


@click.group()
def bench() -> None:
    """Measure converted files and decide on them. Results are JSON records in a folder; gate and report read
    nothing else.
    """


@bench.command()
@click.argument("models", type=PATH, nargs=-1, required=True)
@people_options("data", "People to score on")
@skeleton_option
@click.option("--keypoints", help="Score only these, comma separated; `body` is shoulders to ankles.")
@click.option("--flip", is_flag=True, help="Average with the mirrored crops.")
@click.option("--detections", type=PATH, help="COCO results file whose boxes are used instead of the annotated ones.")
@click.option("--threads", default=1, show_default=True, type=click.IntRange(1), help="Of the interpreter.")
@click.option("--out", required=True, type=PATH, help="Folder for the results.")
@output_options
@guarded
def accuracy(
    models: tuple[Path, ...],
    data: Path,
    data_images: Path | None,
    skeleton: str | None,
    keypoints: str | None,
    flip: bool,
    detections: Path | None,
    threads: int,
    out: Path,
    quiet: bool,
    as_json: bool,
) -> None:
    """Score converted MODELS on annotated people: official OKS-AP, PCK, PCP, with every prediction kept.

    Example: poseport bench accuracy m.float32.tflite m.int8.tflite --data people --out results
    """
    from poseport.bench import accuracy as measure
    from poseport.bench import result
    from poseport.runner import load

    people = load_people(data, data_images, skeleton)
    only: tuple[str, ...] = ()
    if keypoints:
        only = people.skeleton.body if keypoints == "body" else tuple(keypoints.split(","))
        people.skeleton.channels(only)
    loaded = [load(path, threads) for path in models]
    lines, found = [], []
    for model in loaded:
        count = len(measure.persons_with_labels(people)) * len(model.networks)
        with progress(model.path.name, count, hidden=quiet or as_json) as advance:
            measured = measure.measure(model, people, only=only, flip=flip, detections=detections, progress=advance)
        path = result.save(measured, out)
        m = measured.measured
        assert isinstance(m, result.Accuracy)
        shown = ("OKS-AP", "OKS-AP50", "PCK@0.1/box", "PCK@0.2/torso")
        values = "  ".join(f"{k} {v:.3f}" for k in shown if (v := m.metrics[k]) is not None)
        lines.append(f"{measured.model.name:<28}{values}  ({m.data.people} people, {path})")
        found.append({"model": measured.model.name, "people": m.data.people, "metrics": m.metrics, "file": str(path)})
    answer({"results": found}, "\n".join(lines), as_json=as_json, quiet=quiet)


@bench.command()
@click.argument("models", type=PATH, nargs=-1, required=True)
@click.option("--threads", default="1", show_default=True, help="Thread counts, comma separated.")
@click.option("--delegates", default="xnnpack", show_default=True, help="xnnpack, none, or both: xnnpack,none.")
@click.option("--runs", default=1024, show_default=True, type=click.IntRange(20), help="Timed people of each.")
@click.option("--seconds", default=60.0, show_default=True, type=click.FloatRange(0), help="Fewer people after these.")
@people_options("data", "Whose crops; default: one drawn person", required=False)
@click.option("--out", required=True, type=PATH, help="Folder for the results.")
@output_options
@guarded
def latency(
    models: tuple[Path, ...],
    threads: str,
    delegates: str,
    runs: int,
    seconds: float,
    data: Path | None,
    data_images: Path | None,
    out: Path,
    quiet: bool,
    as_json: bool,
) -> None:
    """Time converted MODELS on this machine, one person at a time, every sample kept: crop, network and decoder
    apart, in two fresh processes whose medians must agree. A host's figures say nothing about a phone's.

    Example: poseport bench latency m.float32.tflite m.int8.tflite --threads 1,2 --out results
    """
    import itertools

    from poseport.bench import latency as measure
    from poseport.bench import result

    ways = list(itertools.product(models, [_count(text) for text in threads.split(",")], _delegates(delegates)))
    people = load_people(data, data_images, None) if data else None
    persons, name = (people.persons, people.path.name) if people else ((), "")
    lines, found = [], []
    with progress("timing", len(ways), hidden=quiet or as_json) as advance:
        for path, count, xnnpack in ways:
            measured = measure.measure(
                path, count, xnnpack=xnnpack, runs=runs, max_seconds=seconds, persons=persons, name=name
            )
            saved = result.save(measured, out)
            m = measured.measured
            assert isinstance(m, result.Latency)
            row = {
                "model": measured.model.name, "threads": count, "delegate": measured.environment.delegate,
                "p50_ms": measure.percentile_ms(m, 50), "p90_ms": measure.percentile_ms(m, 90),
                "whole_p50_ms": measure.whole_ms(m, 50), "steady": measure.is_steady(m), "file": str(saved),
            }  # fmt: skip
            found.append(row)
            unsteady = "" if row["steady"] else "  UNSTEADY: two processes differ by more than 5 %"
            lines.append(
                f"{row['model']:<28}{count} threads{'' if xnnpack else ', no delegate'}  p50 {row['p50_ms']:.2f} ms  "
                f"p90 {row['p90_ms']:.2f} ms  with crop and decoding {row['whole_p50_ms']:.2f} ms  "
                f"({len(m.invoke_us)} runs, {saved}){unsteady}"
            )
            advance(1)
    answer({"results": found}, "\n".join(lines), as_json=as_json, quiet=quiet)


@bench.command()
@click.argument("results", type=PATH)
@click.option("--baseline", required=True, help="Model that sets the mark, by its file name without .tflite.")
@click.option("--candidate", required=True, help="Model to judge.")
@click.option("--max-ap-drop", required=True, type=float, help="OKS-AP points (of 100) that it may lose.")
@click.option("--resamples", default=2000, show_default=True, type=click.IntRange(100), help="Of the bootstrap.")
@output_options
@guarded
def gate(
    results: Path, baseline: str, candidate: str, max_ap_drop: float, resamples: int, quiet: bool, as_json: bool
) -> None:
    """Judge a candidate against an accuracy budget, from the records in RESULTS. Exit code 0: within it with
    95 % confidence; 1: beyond it; 2: cannot tell with this many people (and how many would do).

    Example: poseport bench gate results --baseline m.float32 --candidate m.int8 --max-ap-drop 1.0
    """
    from poseport.bench import gate as gates
    from poseport.bench import result

    if max_ap_drop < 0:
        raise ValueError(f"--max-ap-drop {max_ap_drop}: points that may be lost, 0 or more")
    try:
        decisions = gates.gate(result.load_all(results), baseline, candidate, max_ap_drop, resamples=resamples)
    except ValueError as error:  # exit code 1 would say "beyond"
        click.echo(f"Error: {error}", err=True)
        raise click.exceptions.Exit(2) from None
    verdict = gates.overall(decisions)
    word = verdict.name.lower().replace("_", " ")
    text = "\n".join([*(d.sentence for d in decisions), f"{word}: budget {max_ap_drop} points"])
    found = {
        "verdict": verdict.name.lower(),
        "max_ap_drop": max_ap_drop,
        "data": [
            {
                "data": d.data, "people": d.people, "ap_change": d.difference.value,
                "interval": [d.difference.low, d.difference.high], "verdict": d.verdict.name.lower(),
                "people_needed": d.needed,
            }
            for d in decisions
        ],
    }  # fmt: skip
    answer(found, text, as_json=as_json, quiet=quiet)
    raise click.exceptions.Exit(int(verdict))


@bench.command()
@click.argument("results", type=PATH)
@click.option("--out", required=True, type=PATH, help="report.html (one offline page) or report.md.")
@click.option("--no-photos", is_flag=True, help="Leave the crops of the worst people out.")
@output_options
@guarded
def report(results: Path, out: Path, no_photos: bool, quiet: bool, as_json: bool) -> None:
    """Write a page from the records in RESULTS: what quantization cost and changed, with plots, the keypoints
    and people that lost most, and the caveats that apply.

    Example: poseport bench report results --out report.html
    """
    from poseport.bench import result
    from poseport.bench.report import write_report

    records = result.load_all(results)
    write_report(records, out, images=not no_photos)
    data = {"report": str(out), "records": len(records)}
    answer(data, f"{out}: {len(records)} records", as_json=as_json, quiet=quiet)


def _count(text: str) -> int:
    if not text.strip().isdigit() or int(text) < 1:
        raise ValueError(f"--threads {text!r}: expected counts such as 1,2")
    return int(text)


def _delegates(text: str) -> list[bool]:
    names = text.split(",")
    if not set(names) <= {"xnnpack", "none"}:
        raise ValueError(f"--delegates {text!r}: expected xnnpack, none or xnnpack,none")
    return [name == "xnnpack" for name in names]
