"""The commands of `poseport bench` that read records only: gate and report."""

from __future__ import annotations

from pathlib import Path

import click

from poseport.command.options import PATH, answer, guarded, output_options


@click.command()
@click.argument("results", type=PATH)
@click.option(
    "--baseline",
    required=True,
    help="What sets the mark: a model in RESULTS by its file name without "
    ".tflite, or a record (or folder of records of one model) that was kept.",
)
@click.option("--candidate", required=True, help="Model to judge, by its file name without .tflite.")
@click.option("--max-ap-drop", type=float, help="OKS-AP points (of 100) that it may lose.")
@click.option("--max-pck-drop", type=float, help="Points (of 100) of PCK@0.1/box that it may lose.")
@click.option("--max-slowdown", type=float, help="Percent that its median time may be longer.")
@click.option("--resamples", default=2000, show_default=True, type=click.IntRange(100), help="Of the bootstrap.")
@click.option("--junit", type=PATH, help="Also write the decisions as JUnit XML.")
@click.option("--github", is_flag=True, help="Also print them as annotations of a GitHub workflow.")
@output_options
@guarded
def gate(
    results: Path,
    baseline: str,
    candidate: str,
    max_ap_drop: float | None,
    max_pck_drop: float | None,
    max_slowdown: float | None,
    resamples: int,
    junit: Path | None,
    github: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Judge a candidate against a budget, from the records in RESULTS. Exit code 0: within it with 95 % confidence;
    1: beyond it; 2: cannot tell with this many people (and how many would do).

    Example: poseport bench gate results --baseline starter.float32 --candidate starter.int8-p95 --max-ap-drop 1.0
    """
    from poseport.bench import result
    from poseport.bench.decide import announce
    from poseport.bench.decide import gate as gates
    from poseport.records import write_whole

    try:
        budget = gates.Budget(max_ap_drop, max_pck_drop, max_slowdown)
        records = result.load_all(results)
        kept = Path(baseline)
        base = result.load_some(kept) if kept.exists() else gates.of_model(records, baseline)
        decisions = gates.gate(base, gates.of_model(records, candidate), budget, resamples=resamples)
        if junit is not None:
            write_whole(junit, announce.junit(decisions, candidate))
    except ValueError as error:  # exit code 1 would say "beyond"
        click.echo(f"Error: {error}", err=True)
        raise click.exceptions.Exit(2) from None
    verdict = gates.overall(decisions)
    word = verdict.name.lower().replace("_", " ")
    found = {
        "verdict": verdict.name.lower(),
        "decisions": [
            {
                "what": d.what, "where": d.where, d.of: d.count, "change": d.difference.value, "unit": d.unit,
                "interval": [d.difference.low, d.difference.high], "budget": d.budget,
                "verdict": d.verdict.name.lower(), "people_needed": d.needed,
            }
            for d in decisions
        ],
    }  # fmt: skip
    budgets = {d.what: f"{d.budget:g} {d.unit} of {d.what}" for d in decisions}
    lines = [*(d.sentence for d in decisions), f"{word}: budget {', '.join(budgets.values())}"]
    answer(found, "\n".join(lines), as_json=as_json, quiet=quiet)
    if github:
        click.echo(announce.workflow_lines(decisions, candidate))
    raise click.exceptions.Exit(int(verdict))


@click.command()
@click.argument("results", type=PATH)
@click.option("--out", required=True, type=PATH, help="report.html (one offline page), report.md or report.csv.")
@click.option("--models", type=PATH, multiple=True, help="Measured files, or folders of them: adds their heatmaps.")
@click.option("--no-photos", is_flag=True, help="Leave the crops of the worst people out.")
@output_options
@guarded
def report(results: Path, out: Path, models: tuple[Path, ...], no_photos: bool, quiet: bool, as_json: bool) -> None:
    """Write a page from the records in RESULTS: what quantization cost and changed, with plots, the keypoints
    and people that lost most, and the caveats that apply.

    Example: poseport bench report results --out report.html --models .
    """
    from poseport.bench import result
    from poseport.bench.report import heatmaps
    from poseport.bench.report.report import write_report

    records = result.load_all(results)
    write_report(records, out, images=not no_photos, files=heatmaps.find_files(models))
    data = {"report": str(out), "records": len(records)}
    answer(data, f"{out}: {len(records)} records", as_json=as_json, quiet=quiet)
