"""Heads filled up to whole blocks of the engine's prefix cache, where that is asked for.

vLLM finds a prefix again in whole blocks of B tokens (16 on a GPU, 128 on a CPU; ``VllmGenerator.facts`` tells). All
prompts of a head begin with the same h tokens, so h // B blocks are found and h % B tokens, at most B - 1, are computed
again for every paper, together with the paper's own. Nothing else is lost: not a block more, whatever the paper is.
Of a paper of 350 tokens that is 2% on a GPU (7.5 of 16 on average), and some 15% on a CPU (64 of 128).

Filling the head up saves them, but a model attends to every token: there is no neutral one, and a prompt that is filled
up is read a little differently. Aligned by default, the same weights would answer differently in vLLM, in transformers
and on a server, and differently on a CPU and a GPU under the same key. So heads stay as they are by default, and
``align_heads = 128`` (or 16, where only a GPU is used) in ``[vllm]`` fills them up by a line of spaced dots. It is a
number and not "what the engine says" because it shapes what is stored: it is part of the generator's identity
(``GeneratorInfo.dtype``), known before the engine has started, and the same on every machine.
"""

from __future__ import annotations

from ranker.backends.chat import ChatRenderer

_DOT = " ."  # one token each in the tokenizers at hand; line breaks would merge with each other


class HeadAligner:
    """Heads with as many dots behind them as whole blocks need. Remembers the heads that it has met."""

    def __init__(self, renderer: ChatRenderer, size: int) -> None:
        self._renderer = renderer
        self._size = size
        self._known: dict[str, str] = {}

    def fill(self, head: str) -> str:
        """``head``, its rendered ids a multiple of ``size`` long; as it is where no number of dots makes them so."""
        if head not in self._known:
            self._known[head] = self._fill(head) if self._size else head
        return self._known[head]

    def _fill(self, head: str) -> str:
        if self._length(head) % self._size == 0:
            return head
        dots = self._size - (self._length(f"{head}\n\n{_DOT.strip()}") - 1) % self._size
        for count in (dots, *range(1, 2 * self._size + 1)):  # the first guess holds where a dot is a token
            filled = f"{head}\n\n{(_DOT * count).strip()}"
            if self._length(filled) % self._size == 0:
                return filled
        return head

    def _length(self, head: str) -> int:
        """Tokens in front of the paper (not remembered by the renderer, which would keep every trial)."""
        return len(self._renderer.make_frame(head).head_ids)
