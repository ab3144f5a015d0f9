"""A tiny random BERT in a sentence-transformers folder, as the library itself writes it."""

from __future__ import annotations

from pathlib import Path

LIMIT, WIDTH = 48, 32
PROMPTS = {"query": "query: ", "document": "paper: "}


def save_tiny_encoder(folder: Path, *, pooling: str = "mean", prompts: dict[str, str] | None = None) -> Path:
    """Two layers, four heads, letters as word pieces, ``LIMIT`` tokens; prompts as in ``PROMPTS`` unless given."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    raw = folder / "raw"
    special = {f"{n}_token": f"[{n.upper()}]" for n in ("unk", "pad", "cls", "sep", "mask")}
    words = _words()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=_tokenizer(words), model_max_length=LIMIT, **special)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.5,  # wide enough that every token moves the vector
    )
    BertModel(config).save_pretrained(raw)
    tokenizer.save_pretrained(raw)
    parts = [modules.Transformer(str(raw)), modules.Pooling(WIDTH, pooling), modules.Normalize()]
    target = folder / "model"
    SentenceTransformer(modules=parts, prompts=PROMPTS if prompts is None else prompts, device="cpu").save(str(target))
    return target


def _words() -> list[str]:
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    return ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "query", "paper", ":", *letters, *(f"##{c}" for c in letters)]


def _tokenizer(words: list[str]):  # type: ignore[no-untyped-def]
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    tokenizer = Tokenizer(models.WordPiece({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    marks = [("[CLS]", 2), ("[SEP]", 3)]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=marks
    )
    return tokenizer
