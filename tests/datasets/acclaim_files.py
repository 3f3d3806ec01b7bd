"""A tiny skeleton and motion in the Acclaim formats, and a forward kinematics written as loops."""

import numpy as np

ASF = """\
# made by hand
:version 1.10
:name tiny
:units
  mass 1.0
  length 0.45
  angle deg
:documentation
   begin with care
:root
   order TX TY TZ RX RY RZ
   axis XYZ
   position 1 2 3
   orientation 0 0 30
:bonedata
  begin
     id 1
     name hand
     direction 0.6 0 0.8
     length 2.5
     axis 10 -20 30 XYZ
    dof rx rz
    limits (-45.0 90.0)
           (-70.0 20.0)
  end
  begin
     id 2
     name arm
     direction 0 1 0
     length 4
     axis 0 0 20 XYZ
    dof rx ry rz
  end
  begin
     id 3
     name hip
     direction 1 0 0
     length 1.5
     axis 0 0 0 XYZ
  end
:hierarchy
  begin
    root hip arm
    arm hand
  end
"""

AMC = """\
#!OML:ASF tiny.ASF
:FULLY-SPECIFIED
:DEGREES
241
root 1 2 3 10 20 30
arm 5 -5 15
hand 40 -50
242
hand 41 -51
root 1.5 2.5 3.5 11 21 31
arm 6 -6 1.6e1
"""

# Rows of AMC in the order of the skeleton's channels: the root, then hand, arm.
VALUES = [
    [1, 2, 3, 10, 20, 30, 40, -50, 5, -5, 15],
    [1.5, 2.5, 3.5, 11, 21, 31, 41, -51, 6, -6, 16],
]


def _turn(letter, degrees):
    c, s = np.cos(np.pi * degrees / 180), np.sin(np.pi * degrees / 180)
    return {
        "X": np.array([[1, 0, 0], [0, c, -s], [0, s, c]]),
        "Y": np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]),
        "Z": np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]),
    }[letter]


def _euler_xyz(x, y, z):
    return _turn("Z", z) @ _turn("Y", y) @ _turn("X", x)


def _place(skeleton, named, name):
    """Position and rotation of one joint in one frame, by following its parents to the root."""
    if name == "root":
        shift = np.array([named.get(f"root.T{a}", 0.0) for a in "XYZ"])
        spin = _euler_xyz(*(named.get(f"root.R{a}", 0.0) for a in "XYZ"))
        return skeleton.root_position + shift, _euler_xyz(*skeleton.root_orientation) @ spin
    bone = next(bone for bone in skeleton.bones if bone.name == name)
    start, turn = _place(skeleton, named, bone.parent)
    axis = _euler_xyz(*bone.axis)
    local = _euler_xyz(*(named.get(f"{name}.r{a}", 0.0) for a in "xyz"))
    turn = turn @ axis @ local @ np.linalg.inv(axis)
    return start + turn @ bone.direction * bone.length, turn


def naive_positions(skeleton, values):
    """Joint positions, (frames, joints, 3), frame by frame and joint by joint."""
    names = ["root", *(bone.name for bone in skeleton.bones)]
    result = np.zeros((len(values), len(names), 3))
    for frame, row in enumerate(values):
        named = dict(zip(skeleton.channels, row, strict=True))
        for joint, name in enumerate(names):
            result[frame, joint] = _place(skeleton, named, name)[0]
    return result
