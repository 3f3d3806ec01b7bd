"""Types of arguments of programs whose command line is read before TensorFlow is imported."""


def whole_number(text: str) -> int:
    """Returns the whole number that an argument spells in the digits 0 to 9.

    Raises:
        ValueError: when it spells none. `int` would take 1_000 and digits of other scripts, too.
    """
    # As `tfvae._checks.whole_number`, without the seconds that the import of TensorFlow takes.
    if not text.isascii() or "_" in text:
        raise ValueError(f"invalid whole number: {text!r}")
    return int(text)
