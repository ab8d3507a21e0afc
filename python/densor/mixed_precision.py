"""Keras' older names for policies of mixed precision, which are now in `densor.config` and `densor.dtype_policies`."""

from densor.config import dtype_policy as dtype_policy
from densor.config import dtype_policy as global_policy
from densor.config import set_dtype_policy as set_dtype_policy
from densor.config import set_dtype_policy as set_global_policy
from densor.dtype_policies import DTypePolicy as DTypePolicy
from densor.dtype_policies import DTypePolicy as Policy

__all__ = ["DTypePolicy", "Policy", "dtype_policy", "global_policy", "set_dtype_policy", "set_global_policy"]
