"""The commands of `poseport bench` that read records only: gate and report."""

from __future__ import annotations

from pathlib import Path

import click

from poseport.command.errors import guarded_as
from poseport.command.options import PATH, answer, guarded, output_options


@click.command()
@click.argument("results", type=PATH)
@click.option(
    "--baseline",
    required=True,
    help="Model to compare with: a model in RESULTS by its file name without .tflite, or a saved record, or a folder "
    "of records of one model.",
)
@click.option("--candidate", required=True, help="Model to accept or reject, by its file name without .tflite.")
@click.option("--max-ap-drop", type=float, help="Budget: points of OKS-AP (0 to 100) that it may lose.")
@click.option("--max-pck-drop", type=float, help="Budget: points of PCK@0.1/box (0 to 100) that it may lose.")
@click.option("--max-slowdown", type=float, help="Budget: percent by which its median time may grow.")
@click.option(
    "--require-delegate",
    type=click.Choice(["gpu", "npu", "xnnpack"]),
    help="Hardware that must really run at least 99 % of its multiply-adds, with right answers, wherever a measurement "
    "asked for it.",
)
@click.option(
    "--resamples", default=2000, show_default=True, type=click.IntRange(100), help="Number of bootstrap resamples."
)
@click.option("--junit", type=PATH, help="Also write the decisions as JUnit XML.")
@click.option("--github", is_flag=True, help="Also print the decisions as annotations of a GitHub workflow.")
@output_options
@guarded_as(2)  # 1 means "beyond the budget" and nothing else
def gate(
    results: Path,
    baseline: str,
    candidate: str,
    max_ap_drop: float | None,
    max_pck_drop: float | None,
    max_slowdown: float | None,
    require_delegate: str | None,
    resamples: int,
    junit: Path | None,
    github: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Accept or reject a candidate against a budget, from the records in RESULTS. The exit code is 0 if it is within
    the budget with 95 % confidence, 1 if it is beyond it, and 2 if these people are too few to tell (the answer says
    how many would be enough) or the command fails.

    Example: poseport bench gate results --baseline tiny.float32 --candidate tiny.int8 --max-ap-drop 1.0
    """
    from poseport.bench import results_folder
    from poseport.bench.decide import ci_output
    from poseport.bench.decide import gate as gates
    from poseport.bench.decide.decision import LossBudget
    from poseport.files import escape
    from poseport.records import write_whole

    budget = LossBudget(max_ap_drop, max_pck_drop, max_slowdown, require_delegate)
    records = results_folder.load_all(results)
    kept = Path(baseline)
    base = results_folder.load_baseline(kept) if kept.exists() else gates.of_model(records, baseline)
    decisions = gates.gate(base, gates.of_model(records, candidate), budget, resamples=resamples)
    if junit is not None:
        write_whole(junit, ci_output.junit(decisions, candidate))
    verdict = gates.overall(decisions)
    word = verdict.name.lower().replace("_", " ")
    found = {"verdict": verdict.name.lower(), "decisions": [d.to_data() for d in decisions]}
    budgets = {d.what: f"{d.budget:g} {d.unit} of {d.what}" for d in decisions if d.what != "delegate"}
    budgets |= {} if require_delegate is None else {"delegate": f"{require_delegate} required"}
    lines = [*(escape.terminal(d.sentence) for d in decisions), f"{word}: budget {', '.join(budgets.values())}"]
    answer(found, "\n".join(lines), as_json=as_json, quiet=quiet)
    if github:
        click.echo(ci_output.workflow_lines(decisions, candidate))
    raise click.exceptions.Exit(int(verdict))


@click.command()
@click.argument("results", type=PATH)
@click.option("--out", required=True, type=PATH, help="File to write: .html (one offline page), .md or .csv.")
@click.option(
    "--models",
    type=PATH,
    multiple=True,
    help="Measured .tflite files, or folders that hold them; adds heatmaps to the page.",
)
@click.option("--no-photos", is_flag=True, help="Write the page without crops of the people who were scored worst.")
@output_options
@guarded
def report(results: Path, out: Path, models: tuple[Path, ...], no_photos: bool, quiet: bool, as_json: bool) -> None:
    """Write a page from the records in RESULTS: what quantization cost and changed, with plots, the keypoints and
    people that lost most, and the caveats that apply.

    Example: poseport bench report results --out report.html --models .
    """
    from poseport.bench import results_folder
    from poseport.bench.report.pictures import heatmaps
    from poseport.bench.report.report import write_report

    records = results_folder.load_all(results)
    write_report(records, out, images=not no_photos, files=heatmaps.find_files(models))
    data = {"report": str(out), "records": len(records)}
    answer(data, f"{out}: {len(records)} records", as_json=as_json, quiet=quiet)
