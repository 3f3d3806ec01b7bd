"""Whatever a model, a metric or its data are called, the card shows it, and its calls work."""

import ast
import itertools
import json
import os
import shlex
import urllib.parse

import pytest
from markdown_it import MarkdownIt

import tfvae
from tfvae.evaluation.tables import escaped, fenced
from tfvae.serving import calls, card, signatures
from tfvae.serving.inputs import inputs_of

NAMES = [
    "cats",
    "my_model_1",
    "a | b",
    "a || b\\",
    "\\|",
    "say \"hello\" and 'bye'",
    "`code` ``more`` ```",
    "two\nlines\n```\n# heading",
    "<script>alert(1)</script> &lt; &amp;",
    "{name} {{}} %s {0}",
    "$(touch x) `touch x` $HOME; touch x",
    "*a* **b** _c_ __d__ ~~e~~ $f$",
    "[a](http://b) ![c](d) [e]: f",
    "Größe µ 猫 😀",
    "# tail ##",
    '"""; import os; x = """',
]


@pytest.fixture(scope="module")
def served():
    model = tfvae.VAE(2, encoder=tfvae.networks.mlp([4]), decoder=tfvae.networks.mlp([4], (3,)))
    model.build((None, 3))
    inputs = inputs_of(model, None, None)
    return inputs, signatures.served(inputs)


def card_of(served, name, metrics, data):
    described = card.make(*(served[0], name, served[1]), metrics=metrics, data=data)
    for key, signature in described["signatures"].items():
        signature["curl"] = calls.curl(name, key, signature["inputs"])
        signature["grpc"] = calls.grpc(key, signature["inputs"])
    json.loads(card.as_json(described))
    return described, card.as_markdown(described, calls.section(name, described["signatures"]))


def shown(inline):
    """The text that a reader sees; anything but plain text is an error."""
    kinds = {child.type for child in inline.children}
    assert kinds <= {"text", "text_special", "code_inline", "softbreak"}, (kinds, inline.content)
    return "".join(child.content or " " for child in inline.children)


@pytest.mark.parametrize("name", NAMES)
def test_card_shows_names_as_they_are(served, name):
    line = " ".join(name.split())
    described, text = card_of(served, name, {name: {"value": name, "unit": name}}, {"set": name})
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    assert not any(token.type.startswith("html") for token in tokens)
    texts = [
        (before.type, shown(token))
        for before, token in itertools.pairwise(tokens)
        if token.type == "inline"
    ]
    assert texts[0] == ("heading_open", line)
    headings = [one for kind, one in texts if kind == "heading_open"]
    parts = ["Data", "Scaling", "Metrics", "Signatures", "Calls", "Versions"]
    assert headings == [line, *parts]
    cells = [one for kind, one in texts if kind == "td_open"]
    assert cells[:3] == [line, line, line]
    assert any(f"as the model {line}:" in one for _, one in texts)
    assert any(json.dumps({"set": name}, ensure_ascii=False) in one for _, one in texts)
    bash, rest, python = (token for token in tokens if token.type == "fence")
    assert f"--model_name={name}" in shlex.split(bash.content)
    urls = [word for word in shlex.split(rest.content) if word.startswith("http://")]
    expected = f"/v1/models/{name}:predict"
    assert len(urls) == len(described["signatures"])
    assert {urllib.parse.unquote(urllib.parse.urlparse(url).path) for url in urls} == {expected}
    assigned = {
        ast.unparse(node.targets[0]): node.value
        for node in ast.walk(ast.parse(python.content))
        if isinstance(node, ast.Assign)
    }
    assert ast.literal_eval(assigned["request.model_spec.name"]) == name


def test_an_export_with_such_names(served, tmp_path):
    name = "a | `b` \"c\" 'd' {e} <f> #"
    path = tmp_path / name / "1"
    tfvae.export(served[0].model, path, metrics={name: 1.0}, data=name)
    described = json.loads((path / "assets.extra" / "model_card.json").read_text())
    assert described["name"] == name and os.listdir(tmp_path / name) == ["1"]
    assert ast.parse(described["grpc_client"])


def test_escaped_leaves_usual_names():
    for name in ("E_eq without the roll", "log p(x)", "κ (nats)", "a[0], b-c", "50% of z_1"):
        assert escaped(name) == name
    assert escaped("log p(x|y)") == "log p(x\\|y)"


def test_fence_is_longer_than_its_text():
    assert fenced("bash", "a") == "```bash\na\n```"
    assert fenced("", "x ```` y").startswith("`````\n")
