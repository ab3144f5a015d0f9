"""The language-model judge: prompts, label readings, checks, texts. Knows generators only by their protocol."""
