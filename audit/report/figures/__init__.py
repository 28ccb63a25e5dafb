"""The figures that carry the argument, each one file: results -> inline SVG with words and a data table."""

from audit.report.figures.chance import chance
from audit.report.figures.forest import forest, sensitivity
from audit.report.figures.losses import losses
from audit.report.figures.scores import scores
from audit.report.figures.slopes import slopes

__all__ = ["chance", "forest", "losses", "scores", "sensitivity", "slopes"]
