"""Signatures of classes that show the arguments behind **kwargs."""

import inspect


class ClassSignature:
    """All arguments of a class's constructor: its own, and by name those of its bases.

    `inspect.signature` and `help` of the class show it; instances keep the one of `__call__`.

    Args:
        cls: the class.
        root: the last of its bases whose arguments count.
    """

    def __init__(self, cls: type, root: type):
        kinds = inspect.Parameter
        found, more = {}, []
        for base in cls.__mro__[: cls.__mro__.index(root) + 1]:
            if "__init__" not in vars(base):
                continue
            own = list(inspect.signature(base.__init__).parameters.values())[1:]
            more = [parameter for parameter in own if parameter.kind is kinds.VAR_KEYWORD]
            kind = {"kind": kinds.KEYWORD_ONLY} if found else {}
            for parameter in own:
                if parameter not in more and parameter.name not in found:
                    found[parameter.name] = parameter.replace(**kind)
            if not more:
                break
        self._signature = inspect.Signature([*found.values(), *more])

    def __get__(self, instance: object, owner: type | None = None) -> inspect.Signature:
        if instance is not None:
            raise AttributeError("__signature__")
        return self._signature
