"""Runs `poseport` in this process, for tests of the command line."""

from click.testing import CliRunner

from poseport.command.cli import main


def run(*arguments, code=0):
    """What a command prints; a test fails when it exits with another code, or with a traceback."""
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.output
