"""The refusals of vLLM 0.32: no ValueError, as they were up to 0.26."""


class VLLMClientError(Exception):
    pass


class VLLMValidationError(VLLMClientError):
    pass
