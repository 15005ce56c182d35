"""Mixed precision by its older path."""

from minigrad.amp import GradScaler as GradScaler
from minigrad.amp import autocast as autocast
