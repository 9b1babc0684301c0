"""Metrics, tables and the report of a trained crosscoder, out of core: `xc evaluate`."""

from xc.evaluate.config import EvaluateConfig
from xc.evaluate.evaluation import Evaluation
from xc.evaluate.metrics import METRICS
from xc.evaluate.run import evaluate

__all__ = ["METRICS", "EvaluateConfig", "Evaluation", "evaluate"]
