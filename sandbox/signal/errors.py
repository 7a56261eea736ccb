"""Why a ciphertext could not be read."""


class SignalError(Exception):
    """The ciphertext cannot be decrypted with what this side knows."""


class DuplicateMessageError(SignalError):
    """The message key was used before: this ciphertext was already read."""
