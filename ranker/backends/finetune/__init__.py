"""Fine-tuning a local language model on judged papers: low-rank adapters, fitted on the judge's own prompts.

``split`` draws papers, ``examples`` makes token ids of them, ``fit`` trains, ``state`` keeps what an interrupted run
has learned, ``merge`` makes a model folder that every backend loads, ``run`` puts them together and measures.
"""
