"""Calls of a served model, as text for its card: REST with curl, gRPC with Python."""

import json
import shlex
import urllib.parse
from typing import Any

import numpy as np

from tfvae.evaluation.tables import escaped, fenced

GRPC_CLIENT = """\
import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

channel = grpc.insecure_channel("localhost:8500")
stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)


def call(signature, **inputs):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = {name}
    request.model_spec.signature_name = signature
    for key, value in inputs.items():
        request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
    outputs = stub.Predict(request, timeout=10.0).outputs
    return {{key: tf.make_ndarray(value) for key, value in outputs.items()}}
"""


def client(name: str) -> str:
    """Returns a gRPC client in Python; it needs the package tensorflow-serving-api."""
    return GRPC_CLIENT.format(name=repr(name))


def curl(name: str, signature: str, inputs: dict[str, dict[str, Any]]) -> str:
    """Returns the command that sends an example request to TF Serving's REST interface."""
    url = f"http://localhost:8501/v1/models/{urllib.parse.quote(name)}:predict"
    if "image_bytes" not in inputs:
        return f"curl -d @requests/{signature}.json {url}"
    # A pipe, because an image may be longer than a command line allows.
    values = {
        key: [{"b64": "%s"}] if key == "image_bytes" else _zeros(described).tolist()
        for key, described in inputs.items()
    }
    body = json.dumps({"signature_name": signature, "inputs": values})
    return f"printf '{body}' \"$(base64 -w 0 image.png)\" | curl -d @- {url}"


def grpc(signature: str, inputs: dict[str, dict[str, Any]]) -> str:
    """Returns the line of Python that sends the same request with the `client`."""
    values = {
        "seed": 'np.array([0, 1], "int32")',
        "count": "np.int32(1)",
        "image_bytes": '[open("image.png", "rb").read()]',
    }
    arguments = [
        f"{key}={values.get(key) or _example_in_python(described)}"
        for key, described in inputs.items()
    ]
    return f'call("{signature}", {", ".join(arguments)})'


def _zeros(described: dict[str, Any]) -> np.ndarray:
    """One example of an input, as the card describes it."""
    return np.zeros([length or 1 for length in described["shape"]], described["dtype"])


def _example_in_python(described: dict[str, Any]) -> str:
    if "example" in described:
        return f"np.array({described['example']!r})"
    return f'np.zeros({list(_zeros(described).shape)}, "{described["dtype"]}")'


def section(name: str, signatures: dict[str, dict[str, Any]]) -> str:
    """Returns the card's section on calls in Markdown, from the card's `signatures`."""
    rest = "\n".join(signature["curl"] for signature in signatures.values())
    lines = "\n".join(signature["grpc"] for signature in signatures.values())
    python = f"{client(name)}\n\n{lines}"
    server = (
        f"tensorflow_model_server --port=8500 --rest_api_port=8501 --model_name={shlex.quote(name)}"
        " \\\n  --model_base_path=FOLDER"
    )
    return f"""## Calls

TF Serving offers the folder above this version as the model {escaped(name)}:

{fenced("bash", server)}

REST, from the folder of this card. The folder requests/ has a request for each signature. `inputs`
may hold any number of examples. Signatures with `seed` do not accept `instances` in place of
`inputs`, and do not work with `--enable_batching`, which needs a batch axis in every input. Binary
values are base64, as {{"b64": "…"}}, in requests and answers.

{fenced("bash", rest)}

gRPC, with `pip install tensorflow-serving-api`:

{fenced("python", python)}
"""
