"""The page that is read in the morning: static files that work from a folder, without a network.

``render_site`` yields the files; ``summarise`` and ``entries_of`` make the small records that outlive a run.
"""

from ranker.digest.site.records import DayPage, DaySummary, Entry, FieldTotal, Revision, Role, Span, Tick
from ranker.digest.site.render import day_path, left_path, render_site, stale
from ranker.digest.site.summary import entries_of, summarise

__all__ = [
    "DayPage",
    "DaySummary",
    "Entry",
    "FieldTotal",
    "Revision",
    "Role",
    "Span",
    "Tick",
    "day_path",
    "entries_of",
    "left_path",
    "render_site",
    "stale",
    "summarise",
]
