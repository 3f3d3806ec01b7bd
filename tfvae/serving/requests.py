"""Requests that every server understands: examples as JSON, and TF Serving's warm-up file."""

import base64
import json

import numpy as np
import tensorflow as tf

from tfvae.serving import images
from tfvae.serving.scaling import Scaling
from tfvae.serving.signatures import pixel_scaling


def examples(model, signatures, scaling: Scaling) -> dict[str, dict[str, np.ndarray]]:
    """Inputs for one example, by the names of signature and input."""
    low, high = model.likelihood.support or (0.0, 0.0)
    usual = np.full([1, *model.data_shape], (low + high) / 2.0, "float32")
    values = {
        "x": scaling.to_raw(usual),
        "seed": np.array([0, 1], "int32"),
        "count": np.array(1, "int32"),
    }
    names = {spec.name for signature in signatures.values() for spec in signature.inputs}
    if "image_bytes" in names:
        pixels = tf.constant(pixel_scaling(scaling).to_raw(usual), tf.float32)
        values["image_bytes"] = images.png_of(pixels).numpy()
    found = {}
    for name, signature in signatures.items():
        zeros = {
            spec.name: np.zeros([length or 1 for length in spec.shape], "float32")
            for spec in signature.inputs
            if spec.name not in values
        }
        found[name] = {spec.name: {**zeros, **values}[spec.name] for spec in signature.inputs}
    return found


def as_json(signature: str, inputs: dict[str, np.ndarray]) -> str:
    """The body of a request to TF Serving's REST interface; binary values in base64."""
    plain = {name: _jsonable(np.asarray(value)) for name, value in inputs.items()}
    return json.dumps({"signature_name": signature, "inputs": plain})


def _jsonable(value):
    if value.dtype.kind not in "SO":
        return value.tolist()
    return [{"b64": base64.b64encode(item).decode()} for item in value.ravel()]


def write_warm_up(path, model_name: str, requests: dict[str, dict[str, np.ndarray]]):
    """Writes the requests that TF Serving answers for itself before it takes others.

    A TFRecord file of `tensorflow.serving.PredictionLog`. The few fields of that message are
    encoded here, since the package that has its class, tensorflow-serving-api, demands a version
    of TensorFlow of its own.
    """
    with tf.io.TFRecordWriter(path) as writer:
        for signature, inputs in requests.items():
            writer.write(_prediction_log(model_name, signature, inputs))


def _prediction_log(model_name, signature, inputs):
    """PredictionLog{predict_log: {request: {model_spec, inputs}}}; numbers as in apis/*.proto."""
    model_spec = _field(1, model_name.encode()) + _field(3, signature.encode())
    request = _field(1, model_spec)
    for name, value in inputs.items():
        tensor = tf.make_tensor_proto(value).SerializeToString()
        request += _field(2, _field(1, name.encode()) + _field(2, tensor))
    return _field(6, _field(1, request))


def _field(number: int, content: bytes) -> bytes:
    """A field of a protocol buffer that holds bytes, a text or a message."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """Seven bits in a byte, the lowest first; the eighth says that more follow."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])
