"""References by a last name: `Embeddings` in any docstring leads to ``ficoitr.outputs.Embeddings``."""

from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import make_refnode

_FUZZY = 1


def _resolve(app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.TextElement) -> nodes.Node | None:
    if node.get("refdomain") != "py" or node.get("reftype") != "obj":
        return None
    python = env.domains.python_domain
    found = python.find_obj(env, node.get("py:module"), node.get("py:class"), node["reftarget"], "obj", _FUZZY)
    if len(found) != 1:
        return None
    target = python.objects[found[0][0]]
    return make_refnode(app.builder, node["refdoc"], target.docname, target.node_id, content)


def setup(app: Sphinx) -> dict[str, Any]:
    """Resolve what Sphinx itself does not."""
    app.connect("missing-reference", _resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
