"""What a person reads, and what programs read: pure functions from a ``Run`` to text.

``recommendation`` (form A, README), ``categories`` (form B), ``keywords`` (form C); ``parse`` reads them back;
``jsonl`` has the files for programs, ``exports`` feeds and bibliographies, ``mail`` sends a digest.
"""
