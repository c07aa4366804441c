"""Lists on a command line, and examples."""

import click
import pytest
from click.testing import CliRunner

from poseport.command.options import guarded
from poseport.command.parameters import Counts, Names


@click.command()
@click.option("--threads", type=Counts(), default="1")
@click.option("--delegates", type=Names("cpu", "gpu"), default="cpu")
@guarded
def listed(threads, delegates):
    """Lists.

    Example: poseport listed --threads 1,2,4 --delegates cpu,gpu and a line that is far longer than a terminal is
    wide
    """
    click.echo((threads, delegates))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "((1,), ('cpu',))"),
        (["--threads", "4, 1,4", "--delegates", "gpu,cpu"], "((4, 1), ('gpu', 'cpu'))"),
        (["--threads", "0"], "Error: --threads '0': expected counts such as 1,2,4"),
        (["--threads", ""], "'': expected counts"),
        (["--threads", "1,two"], "'1,two': expected counts"),
        (["--delegates", "cpu,npu"], "Error: --delegates 'npu' does not exist; choose from cpu, gpu"),
    ],
)
def test_lists_are_parsed_in_one_place(arguments, said):
    assert said in CliRunner().invoke(listed, arguments).output


def test_an_example_is_pasted_from_one_line():
    (line,) = [line for line in CliRunner().invoke(listed, ["--help"]).output.splitlines() if "Example" in line]
    assert line.endswith("than a terminal is wide")
