"""Fine-tuning a local language model on judged papers: low-rank adapters, fitted on the judge's own prompts.

``examples`` makes token ids of judged papers, ``fit`` trains, ``folder`` keeps adapters and merges them into a model
that every backend can load. Imports torch only where it trains or merges.
"""
