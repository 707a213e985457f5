"""Configuration of the documentation."""

import sys
from pathlib import Path

from ficoitr._version import __version__

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "ficoitr"
author = "The FiCo-ITR founders"
copyright = f"2026, {author}"  # noqa: A001 - Sphinx reads this name
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "commands",
    "mathml",
    "registries",
    "short_names",
]
exclude_patterns = ["_build"]

myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3

# `Name` in a docstring is a reference, which --nitpicky requires to resolve.
default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_default_options = {"members": True, "exclude-members": "model_config"}
napoleon_google_docstring = False
napoleon_use_param = False
napoleon_use_ivar = True
napoleon_use_rtype = False
# Types are in words ("array of shape (n, d)"); names of other projects cannot be resolved without a network.
nitpick_ignore_regex = [
    ("py:class", r"(?!ficoitr\.).*"),
    ("py:obj", r"(PIL|numpy|pathlib)\..*|SPLIT_NAMES|save"),
]

smartquotes = False

html_theme = "furo"
html_math_renderer = "mathml"
html_title = f"ficoitr {__version__}"
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}
