"""``concord``: the command line for departments, providers and whoever wants to look."""

import typer

from concord.cli import commands, demo

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Work with Concord. Locally, `--as NAME` signs you in; the password is the name. Every command takes --json.",
)
commands.add_to(app)
app.command("demo")(demo.command)

if __name__ == "__main__":
    app()
