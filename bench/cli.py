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
@click.option("--runs", default=200, show_default=True, type=click.IntRange(10), help="Timed inferences of each.")
@click.option("--out", required=True, type=PATH, help="Folder for the results.")
@output_options
@guarded
def latency(models: tuple[Path, ...], threads: str, runs: int, out: Path, quiet: bool, as_json: bool) -> None:
    """Time converted MODELS on this machine, one inference at a time, every sample kept. A host's figures say
    nothing about a phone's.

    Example: poseport bench latency m.float32.tflite m.int8.tflite --threads 1,2 --out results
    """
    from poseport.bench import latency as measure
    from poseport.bench import result

    counts = [_count(text) for text in threads.split(",")]
    lines, found = [], []
    with progress("timing", len(models) * len(counts), hidden=quiet or as_json) as advance:
        for path in models:
            for count in counts:
                measured = measure.measure(path, count, runs=runs)
                saved = result.save(measured, out)
                m = measured.measured
                assert isinstance(m, result.Latency)
                p50, p90 = measure.percentile_ms(m, 50), measure.percentile_ms(m, 90)
                lines.append(
                    f"{measured.model.name:<28}{count} threads  p50 {p50:.2f} ms  p90 {p90:.2f} ms  "
                    f"({len(m.invoke_us)} runs, {saved})"
                )
                row = {"model": measured.model.name, "threads": count, "p50_ms": p50, "p90_ms": p90, "file": str(saved)}
                found.append(row)
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
