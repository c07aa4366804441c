"""Help with headings."""

import click
from click.testing import CliRunner

from poseport.command.groups import Sections, section
from poseport.command.options import output_options


@click.command(cls=Sections)
@click.option("--plain", help="Has no heading.")
@section("First", click.option("--a", type=int), click.option("--b", is_flag=True, help="The second."))
@section("Last", click.option("--c"), output_options)
def command(**options):
    click.echo(sorted(options.items()))


def test_every_option_stands_once_under_its_heading_in_the_order_of_the_source():
    lines = CliRunner().invoke(command, ["--help"]).output.splitlines()
    shown = [line.split()[0] for line in lines if line.startswith(("  --", "  -")) or line.endswith(":")]
    assert shown == ["Options:", "--plain", "--help", "First:", "--a", "--b", "Last:", "--c", "--quiet", "--json"]


def test_options_with_a_heading_work_like_others():
    output = CliRunner().invoke(command, ["--a", "3", "--json"]).output
    assert "('a', 3)" in output
    assert "('as_json', True)" in output
    assert "('b', False)" in output
