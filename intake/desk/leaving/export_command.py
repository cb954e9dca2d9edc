"""The command `intake-desk export`."""

from pathlib import Path

import click

from intake.desk.leaving import tables
from intake.desk.leaving.exporting import What
from intake.desk.leaving.exporting import export as write_export
from intake.desk.leaving.gate import QUOTING, Use
from intake.desk.options import key_option, opened, passphrase_option, say, today, workspace_option

_ROWS = {
    What.ANSWERS: "{} testimonies are in {}, one a row.",
    What.QUOTES: "{} quote(s) are in {}, one a row.",
    What.CHARTS: "{} row(s) of charts are in {}.",
}


@click.command()
@click.option("--format", "name", type=click.Choice(tables.FORMATS), required=True, help="What to write.")
@click.option(
    "--what",
    type=click.Choice([what.value for what in What]),
    default=What.ANSWERS.value,
    show_default=True,
    help="The closed answers, one row a person; the quotes; or the tables of the charts, no group under ten.",
)
@click.option("--use", type=click.Choice([use.value for use in QUOTING]), help="What the quotes are for.")
@click.argument("out", type=click.Path(path_type=Path))
@workspace_option
@key_option
@passphrase_option
def export(
    name: str, what: str, use: str | None, out: Path, workspace: Path, key: Path, passphrase_file: str | None
) -> None:
    """Write OUT, not encrypted: the closed answers of the testimonies that may be counted, or what --what says."""
    if (what == What.QUOTES) != (use is not None):
        raise click.UsageError("Quotes leave for one use: give --use with --what quotes, and only then.")
    tables.writer(name)
    with opened(workspace, key, passphrase_file) as desk:
        done = write_export(desk, name, out, today(), What(what), Use(use) if use else Use.STATISTICS)
    say(f"{_ROWS[What(what)].format(done.rows, out)} It is not encrypted: delete it when you no longer need it.")
    for reason, count in done.left_out.items():
        say(f"left out: {count}, {reason.value}")
