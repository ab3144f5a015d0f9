"""A local language model through transformers: the embedded generator of a machine without vLLM, on CPU or GPU."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from ranker.backends.chat import ChatRenderer, Encoded, too_long, windows
from ranker.backends.decode import Decoder
from ranker.backends.kv import HeadCache, halving, is_plain, label_probabilities, length_batches
from ranker.backends.labels import LabelTokens, label_tokens
from ranker.backends.transformers_files import chosen_device, chosen_dtype, ends, flop_per_s, read_config, read_weights
from ranker.backends.tuned import read_tuned
from ranker.backends.weights import fingerprint, read_ahead, weight_bytes
from ranker.errors import BackendError
from ranker.protocols import Completion, GeneratorInfo, LabelReading, Prompt, WriteOptions
from ranker.types import Usage

_CPU_BATCH, _GPU_BATCH = 4096, 65536  # tokens; on 2 cores nothing is gained above, and memory is lost


@dataclass(frozen=True, slots=True)
class TransformersSettings:
    """How to run the model.

    ``batch_tokens``: tail tokens in one forward, 0 = chosen by device; ``max_context``: 0 = the model's own;
    ``write_rows``: texts written together; ``window``: prompts looked at together for sorting by length.
    """

    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    device: str = "auto"
    max_context: int = 0
    batch_tokens: int = 0
    write_rows: int = 8
    window: int = 128


class TransformersGenerator:
    """A causal language model from a folder (or a hub name, where a hub is), as a ``Generator``.

    Opened by its tokenizer and configuration alone, which tell who it is and count tokens; the weights are read when
    they are first needed. Not in a thread of their own: transformers sets torch's default dtype for the whole process
    while it loads, and an encoder at work beside it would make half-precision vectors. ``start`` has the files read
    into memory meanwhile.

    Usage: a prompt's ``cached`` tokens are its head's, where their KV was there already; label readings generate none.
    """

    def __init__(self, model: str | Path, settings: TransformersSettings | None = None) -> None:
        """Read tokenizer and configuration.

        Raises:
            ConfigError: no such model, or a folder that is none.
            BackendError: one that transformers doesn't know.
        """
        self._settings = settings or TransformersSettings()
        self._name = str(model)
        self._tokenizer, self._config = read_config(self._name)
        self._renderer = ChatRenderer(self._tokenizer, self._name)
        self._usage = Usage()
        self._labels: dict[tuple[str, ...], LabelTokens] = {}
        self._device = chosen_device(self._settings.device)
        self._info = self._describe()
        pad = self._tokenizer.pad_token_id
        self._pad = int(pad if pad is not None else 0)
        self._closed = False

    @cached_property
    def _model(self) -> Any:
        if self._closed:
            raise BackendError("the generator is closed", where=self._name)
        return read_weights(self._name, self._info.dtype, self._device)

    @cached_property
    def _heads(self) -> HeadCache:
        return HeadCache(self._model)

    @cached_property
    def _decoder(self) -> Decoder:
        return Decoder(self._text, ends(self._model, self._tokenizer), self._pad, self._info.max_context)

    def start(self) -> None:
        """Have the weights read from the disk in the background."""
        read_ahead(Path(self._name))

    def estimate_seconds(self, tokens: int) -> float | None:
        """Seconds that forwards of so many tokens take by arithmetic, half of this device's measured product rate
        assumed; None where the weights' size can't be told. Loads no weights.
        """
        size = weight_bytes(Path(self._name))
        if not size or not tokens:
            return None
        parameters = size / 2  # files are mostly in half precision; who has others gets a guess twice as long
        return 2.0 * parameters * tokens / (0.5 * flop_per_s(self._device, self._info.dtype))

    @property
    def info(self) -> GeneratorInfo:
        return self._info

    @property
    def usage(self) -> Usage:
        return self._usage

    def __repr__(self) -> str:
        return f"TransformersGenerator({self._name!r}, {self._info.dtype})"

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self._renderer.count(texts)

    def check_labels(self, labels: Sequence[str]) -> tuple[str, ...]:
        """Reads the weights too: readings come next, and a model that can't be loaded is no paper's failure."""
        forms = self._tokens_of(labels).forms
        _ = self._model
        return forms

    def read_labels(self, prompts: Iterable[Prompt], labels: Sequence[str]) -> Iterator[LabelReading]:
        """One reading a prompt, in batches of about one length, as they come (not in the order of the prompts)."""
        tokens = self._tokens_of(labels)
        for batch, refused in self._batches(prompts, 0, self._budget, 1 << 16):
            for encoded, why in refused:
                yield LabelReading(encoded.key, (), error=why)
            if batch:
                yield from self._read(batch, tokens)

    def write(self, prompts: Iterable[Prompt], options: WriteOptions) -> Iterator[Completion]:
        """One text a prompt, as they are finished."""
        for batch, refused in self._batches(prompts, 1, self._budget, self._settings.write_rows):
            for encoded, why in refused:
                yield Completion(encoded.key, "", "error", error=why)
            if batch:
                yield from self._write(batch, options)

    def close(self) -> None:
        """Free the weights; the generator can't be used afterwards."""
        self._closed = True
        for name in ("_heads", "_decoder", "_model"):
            self.__dict__.pop(name, None)

    # -- the work -------------------------------------------------------------------------------------------------

    def _batches(
        self, prompts: Iterable[Prompt], room: int, budget: int, most: int
    ) -> Iterator[tuple[list[Encoded], list[tuple[Encoded, str]]]]:
        """(batch of one head, prompts refused as too long)."""
        for window in windows(prompts, self._settings.window):
            heads: dict[tuple[int, ...], list[Encoded]] = {}
            refused = []
            for encoded in self._renderer.encode(window):
                why = too_long(encoded, room, self._info.max_context)
                if why:
                    refused.append((encoded, why))
                else:
                    heads.setdefault(encoded.head_ids, []).append(encoded)
            if refused:
                yield [], refused
            for group in heads.values():
                for batch in length_batches(group, budget, most, equal=not self._plain):
                    yield batch, []

    def _read(self, batch: list[Encoded], tokens: LabelTokens) -> Iterator[LabelReading]:
        head, seen = self._heads.get(batch[0].head_ids)
        for part, found, why in halving(
            batch, lambda part: label_probabilities(self._model, head, part, tokens.ids, self._pad)
        ):
            rows = found.tolist() if why is None else [[]] * len(part)
            for encoded, row in zip(part, rows, strict=True):
                usage, seen = self._count(encoded, seen, 0), True
                if why is None and any(p != p for p in row):
                    yield LabelReading(encoded.key, (), error="the model's logits are not numbers", usage=usage)
                else:
                    yield LabelReading(encoded.key, tuple(row), error=why, usage=usage)

    def _write(self, batch: list[Encoded], options: WriteOptions) -> Iterator[Completion]:
        head, seen = self._heads.get(batch[0].head_ids)
        done: set[str] = set()
        try:
            for row in self._decoder.run(self._model, head, batch, options):
                done.add(row.prompt.key)
                usage, seen = self._count(row.prompt, seen, len(row.ids)), True
                yield Completion(row.prompt.key, row.text, row.finish or "error", usage=usage)
        except (RuntimeError, MemoryError) as error:
            rest = [p for p in batch if p.key not in done]
            if len(batch) == 1:
                why = f"{type(error).__name__}: {str(error).strip().splitlines()[0][:200]}"
                yield Completion(batch[0].key, "", "error", error=why)
                return
            middle = max(1, len(rest) // 2)
            for half in (rest[:middle], rest[middle:]):
                if half:
                    yield from self._write(half, options)

    def _count(self, encoded: Encoded, seen: bool, generated: int) -> Usage:
        usage = Usage(encoded.length, len(encoded.head_ids) if seen else 0, generated)
        self._usage = self._usage + usage
        return usage

    def _tokens_of(self, labels: Sequence[str]) -> LabelTokens:
        key = tuple(labels)
        if key not in self._labels:
            self._labels[key] = label_tokens(self._renderer, key)
        return self._labels[key]

    def _text(self, ids: list[int]) -> str:
        return str(self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))

    @property
    def _budget(self) -> int:
        return self._settings.batch_tokens or (_CPU_BATCH if self._device == "cpu" else _GPU_BATCH)

    @property
    def _plain(self) -> bool:
        head, _ = self._heads.get(())
        return is_plain(head)

    def _describe(self) -> GeneratorInfo:
        import transformers

        config = self._config.get_text_config(decoder=True)
        limits = [self._settings.max_context, getattr(config, "max_position_embeddings", 0) or 0]
        limits.append(int(min(self._tokenizer.model_max_length or 0, 1 << 30)))
        folder = Path(self._name)
        tuned = read_tuned(folder)
        return GeneratorInfo(
            backend="transformers",
            model=folder.name if folder.is_dir() else self._name,
            revision=fingerprint(folder) if folder.is_dir() else str(getattr(self._config, "_commit_hash", "") or ""),
            engine_version=str(transformers.__version__),
            max_context=min(limit for limit in limits if limit > 0),
            dtype=chosen_dtype(self._device) if self._settings.dtype == "auto" else self._settings.dtype,
            templates=tuned.template_files(folder) if tuned else (),
            tuned_for=tuned.prompt_hash if tuned else "",
        )
