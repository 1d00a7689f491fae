"""What people may do who have an account."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What somebody may do."""

    ADMIN = "admin"
    """Everything, everywhere; accounts, too."""
    MANAGER = "manager"
    """Sees their places down to single presses, and runs them."""
    VIEWER = "viewer"
    """Sees the figures of their places."""
