"""Example requests as JSON, and the warm-up file of TF Serving."""

import base64
import json

import numpy as np
import tensorflow as tf

from tfvae.serving import images
from tfvae.serving.inputs import Inputs
from tfvae.serving.signatures import Signature, pixel_scaling


def examples(inputs: Inputs, signatures: dict[str, Signature]) -> dict[str, dict[str, np.ndarray]]:
    """Returns the inputs of one example, by the names of signature and input."""
    return {
        name: {spec.name: _example(inputs, spec) for spec in signature.inputs}
        for name, signature in signatures.items()
    }


def _example(inputs: Inputs, spec: tf.TensorSpec) -> np.ndarray:
    if spec.name == "image_bytes":
        pixels = Inputs(inputs.model, *map(pixel_scaling, (inputs.scaling, inputs.target_scaling)))
        return images.png_of(tf.constant(pixels.usual(*inputs.specs("x")))).numpy()
    fixed = {"seed": np.array([0, 1], "int32"), "count": np.array(1, "int32")}
    return fixed[spec.name] if spec.name in fixed else inputs.usual(spec)


def as_json(signature: str, inputs: dict[str, np.ndarray]) -> str:
    """Returns the body of a request to TF Serving's REST interface; bytes become base64."""
    plain = {name: _jsonable(name, np.asarray(value)) for name, value in inputs.items()}
    return json.dumps({"signature_name": signature, "inputs": plain})


def _jsonable(name: str, value: np.ndarray) -> list:
    if value.dtype.kind not in "SO":
        return value.tolist()
    if not name.endswith("_bytes"):  # By this ending TF Serving knows what is base64.
        return [item.decode() for item in value.ravel()]
    return [{"b64": base64.b64encode(item).decode()} for item in value.ravel()]


def write_warm_up(path: str, model_name: str, requests: dict[str, dict[str, np.ndarray]]) -> None:
    """Writes the requests that TF Serving runs as a warm-up before it accepts others.

    The file holds `tensorflow.serving.PredictionLog` messages as TFRecords. Their few fields are
    encoded here, because the package tensorflow-serving-api, which has the class, requires another
    version of TensorFlow.
    """
    with tf.io.TFRecordWriter(path) as writer:
        for signature, inputs in requests.items():
            writer.write(_prediction_log(model_name, signature, inputs))


def _prediction_log(model_name: str, signature: str, inputs: dict[str, np.ndarray]) -> bytes:
    """PredictionLog{predict_log: {request: {model_spec, inputs}}}; numbers as in apis/*.proto."""
    model_spec = _field(1, model_name.encode()) + _field(3, signature.encode())
    request = _field(1, model_spec)
    for name, value in inputs.items():
        tensor = tf.make_tensor_proto(value).SerializeToString()
        request += _field(2, _field(1, name.encode()) + _field(2, tensor))
    return _field(6, _field(1, request))


def _field(number: int, content: bytes) -> bytes:
    """Encodes a protocol buffer's field of bytes, a text or a message."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """Encodes seven bits in a byte, the lowest first; the eighth bit says that more follow."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])
