"""The platform of the stand-in: a CPU."""

from types import SimpleNamespace

current_platform = SimpleNamespace(device_type="cpu")
