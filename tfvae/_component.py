"""What all parts of a model share: priors, likelihoods, objectives, penalties, discrete latents."""

import difflib
import functools
import inspect
from collections.abc import Callable, Iterable

import keras
import tensorflow as tf

from tfvae._coefficients import Schedule, coefficients

# Keras' own arguments of a layer and of a model.
_OF_KERAS = ("name", "dtype", "trainable", "activity_regularizer", "autocast")
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class Component(keras.layers.Layer):
    """Base class: a layer whose constructor's arguments are its config, built once by its model.

    Each argument of the constructor is kept as an attribute of the same name. Numbers that may
    change are `Coefficient`s; every other public attribute is fixed once the model is built, and
    assigning it then is an error. A property with a setter may be assigned.
    """

    role = "component"
    """What a model calls it, for messages."""

    def __new__(cls, *args, **kwargs):
        """As in Keras, once the arguments are known to be the constructor's."""
        check_call(cls, args, kwargs)
        return super().__new__(cls, *args, **kwargs)

    def __init__(self, **kwargs):
        check_arguments(type(self), kwargs)
        super().__init__(**kwargs)

    def trained_apart(self) -> keras.layers.Layer | None:
        """The layer whose weights `self.optimizer` trains, not the model's; None: there is none."""
        return None

    def start_build(self):
        """Checks that the component belongs to no model yet, and creates its coefficients.

        Raises:
            ValueError: when it was built before: two models would share its state.
        """
        if self.built:
            raise ValueError(
                f"`{self.role}` must be a new object for each model, received a "
                f"{type(self).__name__} that belongs to a model already, and its state with it. "
                "Make another one."
            )
        changing = coefficients(self)
        for coefficient in changing:
            coefficient.build(self)
        self._scheduled = [c for c in changing if isinstance(c.given(self), Schedule)]
        if self._scheduled:
            self._steps = self.add_weight(
                shape=(),
                initializer="zeros",
                dtype="int64",
                trainable=False,
                aggregation="only_first_replica",
                name="steps",
            )

    def scheduled_numbers(self) -> dict[str, tf.Tensor | float]:
        """The numbers that follow a schedule, by the name under which they are reported."""
        prefix = "" if self.role == "objective" else f"{self.name}_"
        return {f"{prefix}{one.name}": getattr(self, one.name) for one in self._scheduled}

    @property
    def step_counters(self) -> list[Callable[[], None]]:
        """What is called after each training step; nothing without a schedule."""
        return [self.count_step] if self._scheduled else []

    def count_step(self) -> None:
        """Lets the coefficients follow their schedules to the next step."""
        self._steps.assign_add(1)
        for coefficient in self._scheduled:
            coefficient.follow(self, self._steps.value)

    def get_build_config(self) -> None:
        """Nothing: the model that owns the component builds it."""
        return None

    def __setattr__(self, name, value):
        if getattr(self, "built", False) and not _may_be_assigned(type(self), name):
            if name in self.__dict__ or hasattr(type(self), name):
                raise AttributeError(
                    f"`{name}` of {type(self).__name__} is fixed once its model is built, since "
                    "the training step was made with it. Make a new model to change it."
                )
            changing = ", ".join(c.name for c in coefficients(self)) or "none"
            raise AttributeError(
                f"`{name}` of {type(self).__name__} does not exist: assigning it would change "
                f"nothing. Its coefficients are: {changing}."
            )
        super().__setattr__(name, value)

    def get_config(self) -> dict:
        """The constructor's arguments; coefficients as they are now."""
        changing = {c.name: c for c in coefficients(self)}
        own = {
            name: changing[name].config(self) if name in changing else getattr(self, name)
            for name in constructor_arguments(type(self))
        }
        return {**super().get_config(), **{name: serialized(value) for name, value in own.items()}}

    @classmethod
    def from_config(cls, config):
        """Rebuilds objects among the arguments first."""
        return cls(**{name: deserialized(value) for name, value in config.items()})


def constructor_arguments(cls) -> list[str]:
    """Names of the arguments of a class and, through **kwargs, of its bases, up to Keras' own."""
    names = []
    for base in cls.__mro__:
        if base.__module__.split(".")[0] == "keras":
            break
        if "__init__" not in vars(base):
            continue
        parameters = list(inspect.signature(base.__init__).parameters.values())[1:]
        names += [p.name for p in parameters if p.kind in _NAMED]
        if all(p.kind is not inspect.Parameter.VAR_KEYWORD for p in parameters):
            break
    # Keras' own arguments are a part of its config.
    return [name for name in dict.fromkeys(names) if name not in ("name", "dtype", "trainable")]


def check_call(cls: type, given: tuple, named: dict) -> None:
    """Names an unknown argument where another one is missing, of which alone Python would tell.

    Raises:
        TypeError: as `check_arguments`.
    """
    try:
        inspect.signature(cls.__init__).bind(None, *given, **named)
    except TypeError:
        known = constructor_arguments(cls)
        check_arguments(cls, [name for name in named if name not in known])


def check_arguments(cls: type, left: Iterable[str]) -> None:
    """Raises a TypeError for arguments that are left for Keras and that it does not have either."""
    for name in left:
        if name in _OF_KERAS:
            continue
        names = constructor_arguments(cls)
        near = difflib.get_close_matches(name, names, n=1)
        advice = f"Did you mean `{near[0]}`? " if near else ""
        example = "`objective=tfvae.objectives.Constrained(kappa=0.1)`"
        of_parts = f"; a number of a part is given to it, {example}"
        rest = of_parts if issubclass(cls, keras.Model) and "objective" in names else ""
        raise TypeError(
            f"{cls.__name__} has no argument `{name}`. {advice}It has {', '.join(names)}{rest}."
        )


@functools.cache
def _may_be_assigned(cls, name):
    """Whether an attribute of a built component may be assigned: Keras' own, and what has a setter.

    Coefficients are descriptors with one.
    """
    if name.startswith("_") or name in _attributes_of_layers():
        return True
    return hasattr(inspect.getattr_static(cls, name, None), "__set__")


@functools.cache
def _attributes_of_layers():
    """What Keras itself assigns to layers; the functions it sets to None while it exports."""
    plain = keras.layers.Layer(name="plain")
    return frozenset([*dir(plain), "train_function", "test_function", "predict_function"])


@functools.cache
def fixed_attributes(cls) -> frozenset[str]:
    """What cannot be assigned to a built model: the constructor's arguments and what it declares.

    Declared are the annotated attributes of its class body, and values there that are neither
    methods nor have a setter.
    """
    names = set(constructor_arguments(cls))
    for base in cls.__mro__:
        if base.__module__.split(".")[0] == "keras":
            break
        declared = {
            name
            for name, value in vars(base).items()
            if not callable(value) and not hasattr(value, "__get__")
        }
        names |= declared | set(inspect.get_annotations(base))
    return frozenset(name for name in names if not name.startswith("_"))


def serialized(value):
    """An argument as it stands in a config: objects of Keras and functions in Keras' format."""
    if isinstance(value, (list, tuple)):
        return type(value)(serialized(one) for one in value)
    if hasattr(value, "get_config") or inspect.isfunction(value):
        return keras.saving.serialize_keras_object(value)
    return value


def deserialized(value):
    """The argument that stands in a config as `value`."""
    if isinstance(value, (list, tuple)):
        return type(value)(deserialized(one) for one in value)
    if isinstance(value, dict) and "class_name" in value:
        return keras.saving.deserialize_keras_object(value)
    return value
