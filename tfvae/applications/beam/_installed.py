"""Apache Beam if it is installed, else stand-ins for its classes."""

import sys

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

    # Workers get this package's code with the pipeline; they need TensorFlow, but not tfvae.
    cloudpickle.register_pickle_by_value(sys.modules["tfvae.applications.beam"])


def check() -> None:
    """Raises an ImportError that says what to install when apache-beam is missing."""
    if beam is None:
        raise ImportError("This needs the package apache-beam: pip install 'tfvae[beam]'.")
