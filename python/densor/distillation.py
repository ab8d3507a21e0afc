"""Knowledge distillation: a student is trained on the labels and on what a teacher makes of the same rows."""

from densor.models.distillation_loss import DistillationLoss as DistillationLoss
from densor.models.distillation_loss import FeatureDistillation as FeatureDistillation
from densor.models.distillation_loss import LogitsDistillation as LogitsDistillation
from densor.models.distiller import Distiller as Distiller

__all__ = ["DistillationLoss", "Distiller", "FeatureDistillation", "LogitsDistillation"]
