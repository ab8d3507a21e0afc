"""Callbacks, as in Keras: objects that `fit`, `evaluate` and `predict` call while they work."""

from densor.callbacks.backup_and_restore import BackupAndRestore as BackupAndRestore
from densor.callbacks.batch_size_scheduler import BatchSizeScheduler as BatchSizeScheduler
from densor.callbacks.callback import Callback as Callback
from densor.callbacks.callback_list import CallbackList as CallbackList
from densor.callbacks.csv_logger import CSVLogger as CSVLogger
from densor.callbacks.doctor import Doctor as Doctor
from densor.callbacks.early_stopping import EarlyStopping as EarlyStopping
from densor.callbacks.history import History as History
from densor.callbacks.lambda_callback import LambdaCallback as LambdaCallback
from densor.callbacks.learning_rate_scheduler import LearningRateScheduler as LearningRateScheduler
from densor.callbacks.model_checkpoint import ModelCheckpoint as ModelCheckpoint
from densor.callbacks.progbar_logger import ProgbarLogger as ProgbarLogger
from densor.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau as ReduceLROnPlateau
from densor.callbacks.remote_monitor import RemoteMonitor as RemoteMonitor
from densor.callbacks.swap_ema_weights import SwapEMAWeights as SwapEMAWeights
from densor.callbacks.tensorboard import TensorBoard as TensorBoard
from densor.callbacks.terminate_on_nan import TerminateOnNaN as TerminateOnNaN

__all__ = [
    "BackupAndRestore",
    "BatchSizeScheduler",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "Doctor",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "RemoteMonitor",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
]
