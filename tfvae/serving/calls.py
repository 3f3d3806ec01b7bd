"""How a served model is called, as text for its card: REST with curl, gRPC with Python."""

import shlex
import urllib.parse

GRPC_CLIENT = """\
import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

channel = grpc.insecure_channel("localhost:8500")
stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)


def call(signature, **inputs):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "{name}"
    request.model_spec.signature_name = signature
    for key, value in inputs.items():
        request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
    outputs = stub.Predict(request, timeout=10.0).outputs
    return {{key: tf.make_ndarray(value) for key, value in outputs.items()}}
"""


def client(name: str) -> str:
    """A gRPC client in Python; needs the package tensorflow-serving-api."""
    return GRPC_CLIENT.format(name=name)


def curl(name: str, signature: str, inputs) -> str:
    """The command that sends an example request to TF Serving's REST interface."""
    url = f"http://localhost:8501/v1/models/{urllib.parse.quote(name)}:predict"
    if "image_bytes" not in inputs:
        return f"curl -d @requests/{signature}.json {url}"
    # Through a pipe, for an image may be longer than an argument.
    body = f'{{"signature_name": "{signature}", "inputs": {{"image_bytes": [{{"b64": "%s"}}]}}}}'
    return f"printf '{body}' \"$(base64 -w 0 image.png)\" | curl -d @- {url}"


def grpc(signature: str, inputs) -> str:
    """The line of Python that does the same with the `client`."""
    values = {
        "seed": 'np.array([0, 1], "int32")',
        "count": "np.int32(1)",
        "image_bytes": '[open("image.png", "rb").read()]',
    }
    arguments = [
        f"{key}={values.get(key) or _zeros(described['shape'])}"
        for key, described in inputs.items()
    ]
    return f'call("{signature}", {", ".join(arguments)})'


def _zeros(shape):
    return f'np.zeros({[length or 1 for length in shape]}, "float32")'


def section(name: str, signatures: dict) -> str:
    """The section of a card in Markdown; `signatures` as in the card, with curl and grpc."""
    rest = "\n".join(signature["curl"] for signature in signatures.values())
    lines = "\n".join(signature["grpc"] for signature in signatures.values())
    return f"""## Calls

The folder above the version's is TF Serving's model `{name}`:

```bash
tensorflow_model_server --port=8500 --rest_api_port=8501 --model_name={shlex.quote(name)} \\
  --model_base_path=FOLDER
```

REST, from the folder of this card; requests/ has a request for each signature. `inputs` may hold
any number of examples; signatures with `seed` take this form only, not `instances`, and no
`--enable_batching`, which demands a batch axis of every input. Binary values are base64, as
{{"b64": "…"}}, in answers too.

```bash
{rest}
```

gRPC, with `pip install tensorflow-serving-api`:

```python
{client(name)}

{lines}
```
"""
