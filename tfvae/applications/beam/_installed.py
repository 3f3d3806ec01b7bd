"""Apache Beam if it is installed, else stand-ins for its classes."""

import sys

import tfvae._checks  # noqa: F401

try:
    import apache_beam as beam
except ImportError:
    beam = None
    Transform = DoFn = ModelHandler = object
else:
    from apache_beam import DoFn  # noqa: F401
    from apache_beam import PTransform as Transform  # noqa: F401
    from apache_beam.internal import cloudpickle
    from apache_beam.ml.inference.base import ModelHandler  # noqa: F401

    # Workers get this code with the pipeline; they need TensorFlow, but not tfvae.
    for name in ("tfvae.applications.beam", "tfvae._checks"):
        cloudpickle.register_pickle_by_value(sys.modules[name])


def check() -> None:
    """Raises an ImportError that says what to install when apache-beam is missing."""
    if beam is None:
        raise ImportError("This needs the package apache-beam: pip install 'tfvae[beam]'.")
