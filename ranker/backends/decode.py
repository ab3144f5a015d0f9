"""Batched decoding behind a shared head: rows leave the batch as they finish, each with a truthful reason."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ranker.backends.chat import Encoded
from ranker.backends.kv import expanded, last_positions
from ranker.protocols import WriteOptions


@dataclass(slots=True)
class Row:
    """One text in the making. ``position``: of the next token."""

    prompt: Encoded
    position: int
    room: int
    random: Any = None
    ids: list[int] = field(default_factory=list)
    text: str = ""
    finish: Literal["stop", "length"] | None = None


@dataclass(frozen=True, slots=True)
class Decoder:
    """What decoding needs besides the model: ids -> text, end-of-text ids, and a limit of tokens."""

    text: Callable[[list[int]], str]
    ends: frozenset[int]
    pad: int
    max_context: int

    def run(self, model: Any, head: Any, batch: Sequence[Encoded], options: WriteOptions) -> Iterator[Row]:
        """Yield the batch's rows as they finish.

        Tails are padded on the left, between head and paper, so that all rows grow at the same index; the padding is
        masked and every row keeps the positions that it would have alone.
        """
        import torch

        rows = [self._row(p, options) for p in batch]
        lengths = [len(p.tail_ids) for p in batch]
        past, width = head.get_seq_length(), max(lengths)
        cache = expanded(head, len(batch))
        ids = torch.tensor([[*[self.pad] * (width - n), *p.tail_ids] for p, n in zip(batch, lengths, strict=True)])
        mask = torch.tensor([[*[1] * past, *[0] * (width - n), *[1] * n] for n in lengths])
        positions = (mask.cumsum(1) - 1).clamp(min=0)[:, past:]
        while rows:
            with torch.inference_mode(), last_positions(model, [ids.shape[1] - 1] * len(rows)):
                logits = model(
                    input_ids=ids.to(model.device),
                    attention_mask=mask.to(model.device),
                    position_ids=positions.to(model.device),
                    past_key_values=cache,
                    use_cache=True,
                ).logits[:, -1]
            for row, token in zip(rows, self._choose(logits, rows, options), strict=True):
                self._append(row, token, options)
            yield from (row for row in rows if row.finish)
            going = [i for i, row in enumerate(rows) if not row.finish]
            if going and len(going) < len(rows):
                cache.batch_select_indices(torch.tensor(going, device=model.device))
            rows = [rows[i] for i in going]
            ids = torch.tensor([[row.ids[-1]] for row in rows])
            positions = torch.tensor([[row.position - 1] for row in rows])
            mask = torch.cat([mask[going], torch.ones(len(rows), 1, dtype=mask.dtype)], dim=1) if rows else mask

    def _row(self, prompt: Encoded, options: WriteOptions) -> Row:
        import torch

        row = Row(prompt, prompt.length, min(options.max_tokens, self.max_context - prompt.length))
        if options.temperature > 0:  # by key, so that a text does not depend on its company
            seed = hashlib.sha256(f"{options.seed}\0{prompt.key}".encode()).digest()
            row.random = torch.Generator().manual_seed(int.from_bytes(seed[:7], "big"))
        return row

    def _choose(self, logits: Any, rows: Sequence[Row], options: WriteOptions) -> list[int]:
        import torch

        if options.temperature <= 0:
            return [int(i) for i in logits.argmax(-1).tolist()]
        shares = torch.softmax(logits.float().cpu() / options.temperature, dim=-1)
        return [int(torch.multinomial(s, 1, generator=r.random)) for s, r in zip(shares, rows, strict=True)]

    def _append(self, row: Row, token: int, options: WriteOptions) -> None:
        row.ids.append(token)
        row.position += 1
        if token in self.ends:
            row.text, row.finish = self.text(row.ids[:-1]), "stop"
            return
        if options.stop:
            row.text = self.text(row.ids)
            places = [at for stop in options.stop if (at := row.text.find(stop)) >= 0]
            if places:
                row.text, row.finish = row.text[: min(places)], "stop"
                return
        if len(row.ids) >= row.room:
            row.text, row.finish = self.text(row.ids), "length"
