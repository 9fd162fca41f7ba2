"""`sftcore schema`: the JSON Schema of the recipe, with every installed plugin's components."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("schema")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write it to a file instead of stdout.")
def command(out: Path | None) -> None:
    """Print the JSON Schema of the recipe with every installed plugin's components, for editors.

    With --out recipe.schema.json an editor with Taplo (Even Better TOML) or Tombi completes, explains and
    checks each recipe of the folder that begins with the line  #:schema ./recipe.schema.json
    Write it anew when you install or remove a plugin.
    """
    from sftcore.cli.console import Console
    from sftcore.cli.places import check_place
    from sftcore.cli.streams import as_json
    from sftcore.recipe.schema_export import json_schema
    from sftcore.registry import discover

    with Console() as console:
        if out is not None:
            check_place("--out", out)
        schema = json_schema(discover())
        if out is None:
            console.json(schema)
            return
        from sftcore.runs.files import write_text

        write_text(out, as_json(schema) + "\n")
        console.line(f"written to {out}; editors read it for recipes beside it that begin with #:schema ./{out.name}")
