"""``python -m ranker``."""

from ranker.cli import main

main()
