"""The output kind of the stand-in."""


class RequestOutputKind:
    FINAL_ONLY = 2
