"""The documentation as a site: `sphinx-build -W --keep-going -b html docs OUT`, built and read without a network."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # for site_extension

project = "sftcore"
author = "the sftcore developers"
project_copyright = "the sftcore developers, Apache-2.0"
language = "en"

extensions = ["myst_parser", "site_extension"]
root_doc = "index"
exclude_patterns = ["README.md"]  # index.md has it
nitpicky = True
smartquotes = False  # quotes stand as they are written

myst_heading_anchors = 4

pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
highlight_language = "text"

SYSTEM_FONTS = (
    'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "PingFang SC", "Microsoft YaHei", '
    '"Noto Sans CJK SC", sans-serif'
)
MONOSPACE = (
    'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", "Noto Sans Mono", '
    '"Noto Sans Mono CJK SC", monospace'
)

html_theme = "furo"
html_title = "sftcore"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
html_use_index = False
html_show_sourcelink = False
html_search_language = "en-zh"
html_theme_options = {
    "light_css_variables": {"font-stack": SYSTEM_FONTS, "font-stack--monospace": MONOSPACE},
    "dark_css_variables": {"font-stack": SYSTEM_FONTS, "font-stack--monospace": MONOSPACE},
}

code_host = "https://github.com/sftcore/sftcore"
