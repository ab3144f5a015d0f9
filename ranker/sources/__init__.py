"""Where papers come from: files of every kind, announcement feeds, the arXiv API, and libraries of papers read."""

from ranker.sources.count import ReadCount
from ranker.sources.kinds import Kind
from ranker.sources.known import KnownRows
from ranker.sources.read import input_bytes, peek_kind, read

__all__ = ["Kind", "KnownRows", "ReadCount", "input_bytes", "peek_kind", "read"]
