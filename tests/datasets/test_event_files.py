"""Les Houches Event and ROOT files: what they hold, and what is refused."""

import gzip
import sys

import numpy as np
import pytest

from tfvae.datasets import as_arrays, invariant_mass, load, read_lhe, read_root
from tfvae.datasets import two_body_decays as decays

pytest.importorskip("pylhe")
uproot = pytest.importorskip("uproot")

HEAD = """<LesHouchesEvents version="1.0">
<init>
 2212 2212 3500. 3500. 0 0 10800 10800 3 1
 1.0 0.1 1.0 7
</init>
"""


def event(particles, weight=0.5, process=7, announced=None):
    """An event as text, of (PDG number, status, E, px, py, pz)."""
    lines = [f"{len(particles) if announced is None else announced} {process} {weight} 91. .007 .1"]
    for number, status, energy, *p in particles:
        px, py, pz = p
        lines.append(f"{number} {status} 0 0 0 0 {px!r} {py!r} {pz!r} {energy!r} 0. 0. 9.")
    return "<event>\n" + "\n".join(lines) + "\n# a comment\n</event>\n"


def pair(p, ids=(11, -11)):
    """Two beams' quarks, a Z and its leptons; the antilepton stands first."""
    rows = [(one, 1, *map(float, q)) for one, q in zip(ids, p, strict=True)]
    return [(2, -1, 50.0, 0.0, 0.0, 50.0), (23, 2, 91.0, 0.0, 0.0, 0.0), *rows[::-1]]


@pytest.fixture(scope="module")
def events():
    return decays(12, width=2.5, seed=0)


@pytest.fixture
def lhe(tmp_path, events):
    """A file of twelve events, muons in every second one."""
    text = HEAD + "".join(
        event(pair(p, (13, -13) if i % 2 else (11, -11)), weight=1.0 + i, process=1 + i % 2)
        for i, p in enumerate(events)
    )
    path = tmp_path / "events.lhe"
    path.write_text(text + "</LesHouchesEvents>\n")
    return path


def test_lhe(lhe, events):
    found = read_lhe(lhe)
    np.testing.assert_allclose(found.p, events, rtol=1e-12)
    assert found.p.dtype == np.float64
    np.testing.assert_array_equal(found.weights, 1.0 + np.arange(12))
    np.testing.assert_array_equal(found.processes, 1 + np.arange(12) % 2)
    packed = lhe.with_name("packed")
    packed.write_bytes(gzip.compress(lhe.read_bytes()))
    np.testing.assert_array_equal(read_lhe(packed).p, found.p)


def test_which_particles_of_an_event(lhe, events):
    np.testing.assert_allclose(read_lhe(lhe, particles=[(-11, -13)]).p[:, 0], events[:, 1])
    muons = read_lhe(lhe, particles=[13, -13], drop=True)
    np.testing.assert_allclose(muons.p, events[1::2])
    with pytest.raises(ValueError, match=r"event 1: the final state must have .*\[-11, 11\]"):
        read_lhe(lhe, particles=[13, -13])
    with pytest.raises(ValueError, match=r"events with the particles .* 12 events without"):
        read_lhe(lhe, particles=[22], drop=True)
    # The quark and the Z are not in the final state.
    with pytest.raises(ValueError, match="events with the particles"):
        read_lhe(lhe, particles=[2], drop=True)


def test_the_hardest_come_first(tmp_path):
    jets = [
        (21, 1, 10.0, 6.0, 0.0, 8.0),
        (1, 1, 50.0, 0.0, 40.0, 30.0),
        (-1, 1, 5.0, 3.0, 0.0, 4.0),
    ]
    path = tmp_path / "jets.lhe"
    path.write_text(HEAD + event(jets) + "</LesHouchesEvents>")
    jet = (1, -1, 21)
    np.testing.assert_array_equal(read_lhe(path, particles=[jet, jet]).p[0, :, 0], [50.0, 10.0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[: len(text) // 2], "after event 5: the file must be a complete Les"),
        (lambda text: text.replace("</event>", "</evnt>", 1), "after event 0: .*mismatched tag"),
        (
            lambda text: text.replace("1.0 0.1 1.0 7", "x"),
            "must be a complete Les Houches Event file",
        ),
        (lambda text: text.replace("4 2 2.0", "5 2 2.0"), "after event 1: .*5 particles are ann"),
        (lambda text: text.replace("4 2 2.0", "four 2 2.0"), "after event 1: .*could not convert"),
        (lambda text: text.replace("<init>", "<start>"), "No|mismatched"),
        (lambda text: "", "must be a complete"),
        (lambda text: "<html><body>404</body></html>", "must be a complete"),
        (lambda text: HEAD + "</LesHouchesEvents>", "must have events .* received 0 events"),
        (lambda text: text.replace("9.\n", "\n"), "after event 0: .*list index out of range"),
        (lambda text: text.replace("4 2 2.0 91", "4 2 nan 91"), "in 1 of 12 events, .* event 1"),
    ],
)
def test_damaged_lhe(lhe, change, message):
    lhe.write_text(change(lhe.read_text()))
    with pytest.raises(ValueError, match=message) as caught:
        read_lhe(lhe)
    assert str(lhe) in str(caught.value)


def test_damaged_gzip(lhe):
    packed = gzip.compress(lhe.read_bytes())
    for damaged in (packed[:200], packed[:-6], packed[:300] + b"\0" * 20 + packed[320:]):
        lhe.write_bytes(damaged)
        with pytest.raises(ValueError, match="must be a complete Les Houches Event file"):
            read_lhe(lhe)


@pytest.mark.parametrize("particles", [[], "e", [()], [11.5], 11, [("e-",)]])
def test_particles_that_are_none(lhe, particles):
    with pytest.raises(ValueError, match="`particles` must"):
        read_lhe(lhe, particles=particles)


def test_what_is_missing(tmp_path, monkeypatch):
    for read in (read_lhe, read_root):
        with pytest.raises(ValueError, match="which does not exist"):
            read(tmp_path / "nothing")
        with pytest.raises(ValueError, match="received None"):
            read(None)
    monkeypatch.setitem(sys.modules, "pylhe", None)
    monkeypatch.setitem(sys.modules, "uproot", None)
    with pytest.raises(ImportError, match=r"pip install 'tfvae\[physics\]'"):
        read_lhe(tmp_path / "nothing")
    with pytest.raises(ImportError, match=r"pip install 'tfvae\[physics\]'"):
        read_root(tmp_path / "nothing")


def test_load_lhe(lhe, events):
    x, process = as_arrays(load("lhe", "train[:8]", path=lhe, shuffle=False))
    np.testing.assert_allclose(x, events[:8], rtol=1e-6)
    np.testing.assert_array_equal(process, 1 + np.arange(8) % 2)
    _, weights = as_arrays(load("lhe", "train[8:]", path=lhe, labels="weight", shuffle=False))
    np.testing.assert_array_equal(weights, 9.0 + np.arange(4))
    with pytest.raises(ValueError, match="Did you mean 'particles'"):
        load("lhe", path=lhe, particle=[11])
    with pytest.raises(ValueError, match="not events"):
        load("lhe", path=lhe, binarize=True)


@pytest.fixture
def columns(events):
    """Branches of a flat tree."""
    found = {"Run": np.ones(12, "int32"), "Event": np.arange(12, dtype="int32") // 2}
    for i in (0, 1):
        for name, column in zip(("E", "px", "py", "pz"), events[:, i].T, strict=True):
            found[f"{name}{i + 1}"] = column
    found["w"] = np.linspace(0.5, 1.0, 12)
    return found


@pytest.fixture
def root(tmp_path, columns):
    path = tmp_path / "events.root"
    with uproot.recreate(path) as file:
        file.mktree("events", {name: column.dtype for name, column in columns.items()})
        file["events"].extend(columns)
    return path


def test_root(root, events, columns):
    found = read_root(root, weight="w")
    np.testing.assert_array_equal(found.p, events)
    np.testing.assert_array_equal(found.weights, columns["w"])
    once = read_root(root, unique=("Run", "Event"), branches=[["E2", "px2", "py2", "pz2"]])
    np.testing.assert_array_equal(once.p[:, 0], events[::2, 1])
    x, weights = as_arrays(load("root", path=root, labels="weight", weight="w", shuffle=False))
    np.testing.assert_allclose(x, events, rtol=1e-6)
    np.testing.assert_array_equal(weights, columns["w"])


def test_root_in_collider_coordinates(tmp_path):
    path = tmp_path / "collider.root"
    values = {"pt1": [3.0, 3.0], "eta1": [0.0, 0.0], "phi1": [0.0, 0.0], "mass1": [4.0, 0.0]}
    with uproot.recreate(path) as file:
        file["t"] = {name: np.array(value) for name, value in values.items()}
    found = read_root(path, coordinates="cylindrical").p
    np.testing.assert_allclose(found, [[[5, 3, 0, 0]], [[3, 3, 0, 0]]])
    with pytest.raises(ValueError, match=r"`branches` must name .* pz1 are not all there"):
        read_root(path)


def test_what_a_tree_lacks(root, tmp_path, columns):
    with pytest.raises(ValueError, match=r"`tree` must be one of \['events'\] .* 'event'"):
        read_root(root, tree="event")
    with pytest.raises(ValueError, match=r"must be branches of the tree .* 'W'. It has E1, E2"):
        read_root(root, weight="W")
    with pytest.raises(ValueError, match="`branches` must be four names"):
        read_root(root, branches=["E1", "px1", "py1", "pz1"])
    with pytest.raises(ValueError, match="`coordinates` must be one of"):
        read_root(root, coordinates="polar")
    path = tmp_path / "two.root"
    with uproot.recreate(path) as file:
        for name in ("a", "b"):
            file.mktree(name, {key: column.dtype for key, column in columns.items()})
            file[name].extend({**columns, "E1": np.where(columns["Event"] == 3, np.inf, 1.0)})
        file.mktree("empty", {key: column.dtype for key, column in columns.items()})
    with pytest.raises(ValueError, match=r"`tree` must be one of \['a', 'b', 'empty'\] .* None"):
        read_root(path)
    with pytest.raises(ValueError, match="in 2 of 12 events, the first of which is event 6"):
        read_root(path, tree="a")
    with pytest.raises(ValueError, match="the tree must have events, received none"):
        read_root(path, tree="empty")


def test_lists_are_refused(tmp_path):
    awkward = pytest.importorskip("awkward")
    path = tmp_path / "lists.root"
    with uproot.recreate(path) as file:
        file["t"] = {"E": awkward.Array([[1.0, 2.0], [], [3.0]])}
    with pytest.raises(ValueError, match="one number for each event, received 'E'"):
        read_root(path, branches=[["E"] * 4])


def test_damaged_root(root):
    whole = root.read_bytes()
    for damaged in (b"", b"root", b"no ROOT file" * 50, whole[:300], whole[: len(whole) // 2]):
        root.write_bytes(damaged)
        with pytest.raises(ValueError, match="must be a complete ROOT file"):
            read_root(root)


def test_real_files(raw_data):
    leptons = read_lhe(raw_data / "physics" / "z_jets_madgraph.lhe.gz")
    assert leptons.p.shape == (10_000, 2, 4)
    mass = invariant_mass(leptons.p.sum(axis=1))
    assert np.median(mass) == pytest.approx(91.0, abs=0.5)
    muons = read_root(raw_data / "physics" / "zmumu_cms.root", unique=("Run", "Event"))
    assert muons.p.shape == (500, 2, 4)
    np.testing.assert_allclose(invariant_mass(muons.p), 0.10566, atol=1e-3)
    with uproot.open(raw_data / "physics" / "zmumu_cms.root") as file:
        given = file["events"].arrays(["Run", "Event", "M"], library="np")
    _, first = np.unique(np.stack([given["Run"], given["Event"]]), axis=1, return_index=True)
    np.testing.assert_allclose(
        invariant_mass(muons.p.sum(axis=1)), given["M"][np.sort(first)], rtol=1e-3
    )
