import cv2
import numpy as np
import pytest

from tfvae.applications.tracking import person_crops, read_sequence, train_descriptor

COLORS = {1: (200, 30, 30), 2: (30, 60, 200), 3: (40, 160, 60)}


@pytest.fixture(scope="session")
def walk(tmp_path_factory):
    """A folder of 24 frames in which three people, each of one colour, walk side by side."""
    folder = tmp_path_factory.mktemp("walk")
    for name in ("det", "gt", "img1"):
        (folder / name).mkdir()
    rng, det, gt = np.random.default_rng(0), [], []
    for frame in range(1, 25):
        image = rng.integers(90, 130, size=(120, 200, 3)).astype("uint8")
        for person, color in COLORS.items():
            x, y = 10 + 3 * frame + 30 * (person - 1), 20 + 5 * person
            light = rng.uniform(0.9, 1.1)
            image[y : y + 60, x : x + 20] = np.clip(light * np.array(color), 0, 255)
            det.append(f"{frame},-1,{x + 1},{y + 1},20,60,0.9,-1,-1,-1")
            gt.append(f"{frame},{person},{x + 1},{y + 1},20,60,1,-1,-1,-1")
        cv2.imwrite(str(folder / "img1" / f"{frame:06d}.png"), image[..., ::-1])
    (folder / "det" / "det.txt").write_text("\n".join(det) + "\n")
    (folder / "gt" / "gt.txt").write_text("\n".join(gt) + "\n")
    (folder / "seqinfo.ini").write_text(
        "[Sequence]\nname=walk\nimDir=img1\nframeRate=10\nseqLength=24\nimWidth=200\nimHeight=120\n"
    )
    return folder


@pytest.fixture(scope="session")
def sequence(walk):
    return read_sequence(walk)


@pytest.fixture(scope="session")
def people(sequence):
    return person_crops(sequence, size=(16, 8), verbose=0)


@pytest.fixture(scope="session")
def learned(people):
    return train_descriptor(people, latent_dim=3, epochs=12, seed=0)
