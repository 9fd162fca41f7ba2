"""`sftcore schema`: the JSON Schema of the recipe, with every installed plugin's components."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("schema")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write it to a file instead of stdout.")
def command(out: Path | None) -> None:
    """Print the JSON Schema of the recipe with every installed plugin's components, for editors.

    Taplo and Even Better TOML complete and check a recipe that begins with the line
    #:schema recipe.schema.json
    """
    from sftcore.cli.console import Console
    from sftcore.cli.streams import as_json
    from sftcore.recipe.schema_export import json_schema
    from sftcore.registry import discover

    with Console() as console:
        schema = json_schema(discover())
        if out is None:
            console.json(schema)
            return
        from sftcore.runs.files import write_text

        write_text(out, as_json(schema) + "\n")
        console.line(f"written to {out}")
