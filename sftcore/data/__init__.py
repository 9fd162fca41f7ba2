"""From the place that a recipe names to rows by role, and from rows to splits."""
