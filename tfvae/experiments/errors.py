"""The error of everything that a person who starts an experiment can put right."""


class UserError(ValueError):
    """An error that the user can correct; the command line shows only its text."""
