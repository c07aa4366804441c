"""Write records as a page, in HTML or Markdown: the costs and changes of a conversion, and the caveats.

`page.gather` collects the contents; this file and the template only lay them out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from poseport.bench.formatting import Table
from poseport.bench.record import Result
from poseport.bench.report import csv_table
from poseport.bench.report.page import Page, gather
from poseport.files.escape import markdown
from poseport.records import write_whole

OMITTED = "{} more comparisons keypoint by keypoint are left out; write a report of fewer records to see them."


def write_report(
    results: Sequence[Result], out: Path, *, images: bool = True, files: Mapping[str, Path] | None = None
) -> None:
    """Write the page of some records, whole or not at all.

    Args:
        results: The records.
        out: The file to write: .html (one file that loads nothing else), .md (the same text and tables, no pictures) or
            .csv (the figures alone, see `csv_table`).
        images: Show crops of the people who lost most, not only their figures.
        files: sha256 -> the measured files that still exist, whose heatmaps of these people can be shown.

    Raises:
        ValueError: if the name has another ending, there is no record, or a package for HTML pages is missing.
    """
    out = Path(out)
    if out.suffix not in (".html", ".md", ".csv"):
        raise ValueError(f"{out}: the name of a report ends in .html, .md or .csv; name it report.html")
    if not results:
        raise ValueError("no records to report; `poseport bench accuracy` and `poseport bench latency` write them")
    if out.suffix == ".csv":
        text = csv_table.table(results)
    elif out.suffix == ".md":
        text = _markdown(gather(results, pictures=False, photos=False))
    else:
        try:
            import jinja2
            import matplotlib  # noqa: F401
        except ImportError as error:
            raise ValueError(f"{out}: an HTML page needs {error.name}; run `pip install poseport[report]`") from None
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(Path(__file__).parent),
            autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined,
        )  # fmt: skip
        page = gather(results, pictures=True, photos=images, files=files)
        text = environment.get_template("report.html.jinja").render(page=page, omitted=OMITTED.format(page.omitted))
    write_whole(out, text.encode())


def _markdown(page: Page) -> str:
    """Write the page as Markdown; text of the records is escaped."""
    parts = [f"# {page.title}", page.written, "## Summary"]
    parts += ["\n".join(f"- **{markdown(warning)}**" for warning in page.warnings)] if page.warnings else []
    for change in page.changes:
        lines = (
            f"- {markdown(line.what)}: **{markdown(line.change)}**. {markdown(line.text)}" for line in change.lines
        )
        parts += [f"### {markdown(change.title)}", "\n".join(lines)]
    if page.alone:
        parts.append(f"{markdown(', '.join(page.alone))}: the records hold no float32 file of the same weights.")
    parts += map(_markdown_table, page.glance)
    parts += ["## Accuracy", "In points of 100.", *map(_markdown_table, [*page.detected, *page.accuracy, *page.parts])]
    parts += ["## Size and latency", *map(_markdown_table, [page.files, *page.ran, *page.latency])]
    if page.stand_ins:
        note = "Programs that imitate a phone on a workstation, for tests; none of these figures is that of a phone."
        parts += ["## Stand-in devices", note, *map(_markdown_table, page.stand_ins)]
    for compared in page.compared:
        worst = [person.cells for person in compared.worst]
        header = ("Person", "OKS before", "OKS after", "Change")
        parts += [f"## {markdown(compared.title)}", _markdown_table(compared.keypoints)]
        parts += [_markdown_table(Table("People whose OKS fell most", header, worst))] if worst else []
    parts += [OMITTED.format(page.omitted)] if page.omitted else []
    parts += ["## Caveats", "\n".join(f"- {markdown(caveat)}" for caveat in page.caveats)]
    parts += ["## Provenance", *map(_markdown_table, page.provenance)]
    return "\n\n".join(parts) + "\n"


def _markdown_table(table: Table) -> str:
    rule = ("---", *(("---:" if table.numeric else "---") for _ in table.header[1:]))
    rows = [rule if row is rule else tuple(map(markdown, row)) for row in (table.header, rule, *table.rows)]
    body = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    return f"**{markdown(table.caption)}**\n\n{body}"
