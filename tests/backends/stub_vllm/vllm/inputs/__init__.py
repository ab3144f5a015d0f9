"""The prompt type of the stand-in."""


def tokens_input(ids: list[int]) -> dict[str, object]:
    return {"type": "token", "prompt_token_ids": ids}
