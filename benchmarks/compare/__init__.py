"""The bench that any encoder, head or language model must win: contestants on judged days, each in a subprocess."""
