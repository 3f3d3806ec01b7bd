"""ASF and AMC made by hand, whole and damaged, and the forward kinematics."""

import re

import numpy as np
import pytest
from acclaim_files import AMC, ASF, VALUES, naive_positions

from tfvae.datasets import read_amc, read_asf

CHANNELS = (
    *(f"root.{name}" for name in ("TX", "TY", "TZ", "RX", "RY", "RZ")),
    *("hand.rx", "hand.rz", "arm.rx", "arm.ry", "arm.rz"),
)


def _write(path, text, line_end="\n"):
    path.write_bytes(text.replace("\n", line_end).encode())
    return path


@pytest.fixture(scope="module")
def skeleton(tmp_path_factory):
    return read_asf(_write(tmp_path_factory.mktemp("asf") / "tiny.asf", ASF))


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_reads_skeleton_and_motion(tmp_path, line_end):
    skeleton = read_asf(_write(tmp_path / "tiny.asf", ASF, line_end))
    assert skeleton.name == "tiny"
    assert skeleton.units == {"mass": 1.0, "length": 0.45, "angle": "deg"}
    assert skeleton.joints == ("root", "hand", "arm", "hip")
    assert skeleton.parents.tolist() == [-1, 2, 0, 0]
    assert skeleton.channels == CHANNELS
    assert skeleton.root_axis == "XYZ"
    hand = skeleton.bones[0]
    assert (hand.parent, hand.length, hand.dof) == ("arm", 2.5, ("rx", "rz"))
    np.testing.assert_array_equal(hand.axis, [10, -20, 30])
    np.testing.assert_array_equal(hand.direction, [0.6, 0, 0.8])

    motion = read_amc(_write(tmp_path / "9_01.amc", AMC, line_end), skeleton)
    assert motion.name == "9_01"
    assert motion.channels == CHANNELS
    np.testing.assert_array_equal(motion.frames, [241, 242])
    np.testing.assert_array_equal(motion.values, VALUES)


BOM = b"\xef\xbb\xbf".decode("latin-1")


@pytest.mark.parametrize("mark", ["", BOM])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_other_programs_write_the_same_otherwise(tmp_path, skeleton, mark, line_end):
    """With a byte-order mark of UTF-8, and with key words in other cases."""
    asf, amc = ASF, AMC.replace(":DEGREES", ":degrees").replace(":FULLY", ":fully")
    for old, new in (
        *(("# made by hand\n", ""), (":units", ":Units"), (":bonedata", ":BONEDATA")),
        *((":hierarchy\n  begin", ":Hierarchy\n  BEGIN"), ("angle deg", "Angle DEG")),
        *(("order TX", "Order tx"), ("axis XYZ", "axis xyz"), ("     length", "     Length")),
    ):
        assert old in asf
        asf = asf.replace(old, new)
    files = []
    for name, text in (("other.asf", asf), ("9_01.amc", amc)):
        files.append(tmp_path / name)
        files[-1].write_bytes((mark + text.replace("\n", line_end)).encode("latin-1"))
    found = read_asf(files[0])
    assert (found.channels, found.units) == (skeleton.channels, skeleton.units)
    motion = read_amc(files[1], found)
    np.testing.assert_array_equal(motion.values, VALUES)
    np.testing.assert_array_equal(found.positions(motion), skeleton.positions(motion))


@pytest.mark.parametrize("text", ["1_0", "1_000", "0x10", "1e999", "inf", "NaN", "1,5", "\xb2"])
def test_what_is_no_number(tmp_path, skeleton, text):
    for old, new, line in (("hand 40", f"hand {text}", 7), ("242\n", f"{text}\n", 8)):
        (tmp_path / "bad.amc").write_bytes(AMC.replace(old, new, 1).encode("latin-1"))
        with pytest.raises(ValueError, match=rf"bad\.amc, line {line}: "):
            read_amc(tmp_path / "bad.amc", skeleton)
    for old, line in (("length 2.5", 20), ("mass 1.0", 5), ("position 1", 13), ("axis 10", 21)):
        new = f"{old.split()[0]} {text}"
        (tmp_path / "bad.asf").write_bytes(ASF.replace(old, new, 1).encode("latin-1"))
        with pytest.raises(ValueError, match=rf"bad\.asf, line {line}: .*finite numbers"):
            read_asf(tmp_path / "bad.asf")


def _with_bones(number):
    bone = "begin\nname b{}\ndirection 1 0 0\nlength 1\naxis 0 0 0 XYZ\nend\n"
    head, _ = ASF.split("  begin\n     id 1")
    bones = "".join(bone.format(i) for i in range(number))
    links = "".join(f"b{i - 1} b{i}\n" for i in range(1, number))
    return f"{head}{bones}:hierarchy\nbegin\nroot b0\n{links}end\n"


def test_absurd_files_are_refused_after_few_lines(tmp_path, skeleton):
    assert len(read_asf(_write(tmp_path / "a.asf", _with_bones(1000))).bones) == 1000
    with pytest.raises(ValueError, match=r"a\.asf, line 6021: .* at most 1000 bones"):
        read_asf(_write(tmp_path / "a.asf", _with_bones(20_000)))
    for read in (read_asf, lambda path: read_amc(path, skeleton)):
        for text in ("x" * 10**7, ":DEGREES\n1\nroot" + " 1" * 10**6, "9" * 5000):
            with pytest.raises(ValueError, match=r"a\.asf, line \d: ") as raised:
                read(_write(tmp_path / "a.asf", text))
            assert len(str(raised.value)) < 6000
    with pytest.raises(ValueError, match=r"line 4: the frame number must be a whole number below"):
        read_amc(_write(tmp_path / "a.amc", AMC.replace("241\n", "9" * 5000 + "\n")), skeleton)
    for text in (ASF, AMC):
        (tmp_path / "a.amc").write_bytes(text.encode("utf-16"))
        for read in (read_asf, lambda path: read_amc(path, skeleton)):
            with pytest.raises(ValueError, match=r"line 1: .* received UTF-16. Convert it"):
                read(tmp_path / "a.amc")


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        (":FULLY-SPECIFIED", ":radians", 2, "must have ':DEGREES'"),
        ("242\n", "243\n", 8, "frame number must be 242, received 243"),
        ("242\n", "", 8, "received 'hand' twice in frame 241"),
        ("arm 5 -5 15\n", "", 7, "frame 241 must have arm, received none"),
        ("\nhand 41 -51", "", 10, "frame 242 must have hand, received none"),
        ("hand 40 -50", "hand 40", 7, "`hand` must have 2 values, received 1"),
        ("hand 40 -50", "hand 40 x", 7, "`hand` must be finite numbers, received '40 x'"),
        ("hand 40 -50", "hand 40 nan", 7, "finite"),
        ("hand 40 -50", "foot 40 -50", 7, "channels in skeleton 'tiny', received 'foot'"),
        ("hand 40 -50", "hip 4", 7, "channels in skeleton 'tiny', received 'hip'"),
        (":DEGREES", ":RADIANS", 2, "header of an AMC file must have ':DEGREES'"),
        ("241\n", "", 4, "must start with its number, received 'root'"),
        (AMC, "", 1, "header"),
        (AMC[AMC.index("241") :], "", 3, "must have at least one frame"),
        ("242\n", ":DEGREES\n", 8, "received ':DEGREES' after frame 241"),
    ],
)
def test_damaged_amc_names_file_and_line(tmp_path, skeleton, old, new, line, message):
    file = _write(tmp_path / "bad.amc", AMC.replace(old, new, 1), "\r\n")
    with pytest.raises(ValueError, match=rf"bad\.amc, line {line}: .*{re.escape(message)}"):
        read_amc(file, skeleton)


def test_every_truncation_of_an_amc_but_in_its_last_number_is_found(tmp_path, skeleton):
    # Within the last number, and between frames, a shorter file is a valid one.
    end_of_first = AMC.index("242")
    for length in range(len(AMC.rstrip()) - len(".6e1")):
        if end_of_first - 4 <= length <= end_of_first:
            continue
        with pytest.raises(ValueError, match=r"cut\.amc, line \d+: "):
            read_amc(_write(tmp_path / "cut.amc", AMC[:length]), skeleton)


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        (ASF[ASF.index(":hierarchy") :], "", 40, "must have section :hierarchy, received none"),
        ("  end\n:hierarchy", ":hierarchy", 39, "bone 'hip' must close with 'end'"),
        ("    arm hand\n  end\n", "    arm hand\n", 44, "start with 'begin' and close with 'end'"),
        ("    arm hand\n", "", 41, "received none for hand"),
        ("    arm hand", "    arm hand nose", 44, "bones of :bonedata, received 'nose'"),
        ("root hip arm", "root hip arm arm", 43, "one parent, received a second, 'root'"),
        ("root hip arm", "root hip", 44, "'arm' must have a parent before it has children"),
        ("length 2.5", "length long", 20, "`length` must be finite numbers, received 'long'"),
        ("direction 0.6 0 0.8", "direction 0.6 0", 19, "must have 3 values, received 2"),
        ("     length 4\n", "", 32, "bone 'arm' must have length, received none"),
        ("dof rx rz", "dof rx tz", 22, "`dof` must be some of"),
        ("name arm", "name hand", 28, "`name` must be new and not 'root', received 'hand'"),
        ("axis 10 -20 30 XYZ", "axis 10 -20 30 XYY", 21, "`axis` must be an order such as XYZ"),
        ("angle deg", "angle rad", 4, "`angle` must be 'deg', received 'rad'"),
        ("position 1 2 3\n", "\n", 10, "section :root must have position, received none"),
        (":hierarchy", ":units\n:hierarchy", 41, "must come once, received ':units' a second"),
        (":version 1.10", "version 1.10", 2, "an ASF file must start with a section"),
    ],
)
def test_damaged_asf_names_file_and_line(tmp_path, old, new, line, message):
    assert old in ASF
    file = _write(tmp_path / "bad.asf", ASF.replace(old, new, 1), "\r\n")
    with pytest.raises(ValueError, match=rf"bad\.asf, line {line}: .*{re.escape(message)}"):
        read_asf(file)


def test_an_amc_is_no_asf(tmp_path, skeleton):
    with pytest.raises(ValueError, match="must have section"):
        read_asf(_write(tmp_path / "x.asf", ":FULLY-SPECIFIED\n:DEGREES\n1\nroot 1 2 3\n"))
    with pytest.raises(ValueError, match=r"line 2: .*':DEGREES'"):
        read_amc(_write(tmp_path / "x.amc", ASF), skeleton)


def test_positions_match_loops_over_frames_and_bones(skeleton):
    values = np.random.default_rng(0).uniform(-180, 180, (7, len(CHANNELS)))
    positions = skeleton.positions(values)
    assert positions.shape == (7, 4, 3)
    np.testing.assert_allclose(positions, naive_positions(skeleton, values), atol=1e-10)
    # Rotations keep the bones' lengths.
    bones = positions[:, 1:] - positions[:, skeleton.parents[1:]]
    np.testing.assert_allclose(np.linalg.norm(bones, axis=-1), [[2.5, 4, 1.5]] * 7)


def test_positions_at_rest_are_the_directions(skeleton):
    rest = skeleton.positions(np.zeros((1, len(CHANNELS))))[0]
    c, s = np.cos(np.pi / 6), np.sin(np.pi / 6)
    np.testing.assert_allclose(rest[0], [1, 2, 3])
    np.testing.assert_allclose(rest[2], [1 - 4 * s, 2 + 4 * c, 3])
    np.testing.assert_allclose(rest[3], [1 + 1.5 * c, 2 + 1.5 * s, 3])


def test_positions_errors(skeleton, tmp_path):
    with pytest.raises(ValueError, match=r"`motion` .* \(frames, 11\), received \(2, 10\)"):
        skeleton.positions(np.zeros((2, 10)))
    other = read_asf(_write(tmp_path / "o.asf", ASF.replace("dof rx rz", "dof rx ry")))
    motion = read_amc(_write(tmp_path / "o.amc", AMC), other)
    with pytest.raises(ValueError, match="`motion` must have the channels of skeleton 'tiny'"):
        skeleton.positions(motion)


def test_real_files(raw_data):
    folder = raw_data / "cmu_mocap"
    skeleton = read_asf(folder / "35.asf")
    motion = read_amc(folder / "35_01.amc", skeleton)
    assert motion.values.shape == (358, 62)
    # Read off the file: the root's height in the first frame, the left toes in the last.
    assert motion.values[0, 1] == 17.8934
    assert motion.values[-1, skeleton.channels.index("ltoes.rx")] == -23.3886
    positions = skeleton.positions(motion)
    np.testing.assert_allclose(
        positions[::60], naive_positions(skeleton, motion.values[::60]), atol=1e-9
    )
    # In metres: a walker's feet come near the ground, and the head is as high as a man is tall.
    height = positions[..., 1] * 2.54 / 100 / skeleton.units["length"]
    assert -0.05 < height.min() < 0.1
    assert 1.5 < height.max() < 1.9
