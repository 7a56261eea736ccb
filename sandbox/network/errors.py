"""Why the network refuses what a person or a test asked of it."""


class Refusal(Exception):
    """The request makes sense but cannot be done now. `code` is stable, `detail` is for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
