"""What every proof and fuzzer raises when the firmware does not keep what it promises."""


class Broken(AssertionError):
    """A promise does not hold; args[0] says for people which one, and in which case, so that it can be replayed."""
