"""A small server on loopback for the pages of ``ranker.digest.site`` that stores ticks directly."""

from ranker.serve.server import Served, serve
from ranker.serve.ticks import TickSink, TickSource

__all__ = ["Served", "TickSink", "TickSource", "serve"]
