"""Reports: one self-contained HTML file, and figures for a paper."""

from ficoitr.report.figures import save_figures
from ficoitr.report.html import write_report

__all__ = ["save_figures", "write_report"]
