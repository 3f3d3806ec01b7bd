"""The path between two examples that lie far apart, along a graph of samples of the prior."""

import numpy as np

from tfvae.geometry import DisconnectedError, LatentGraph
from tfvae.models import LatentVariableModel

# Number of test examples from which the two ends are chosen.
_CANDIDATES = 500
_NODES = 2000
# Without the fifth of the samples where the prior is thinnest, which shortest paths would use as
# bridges.
_KEEP = 0.8
# The fewest that connect the two ends: more let a path cut corners.
_NEIGHBORS = (6, 8, 10, 14, 20)
# Points at equal distances along the path.
POINTS = 100


def between_examples(
    model: LatentVariableModel, x: np.ndarray, seed: int
) -> tuple[np.ndarray, LatentGraph | None]:
    """Returns the two encodings that lie farthest apart, (2, N_z), of 500 of x, and a graph.

    The graph is None if it does not connect them.
    """
    # Random, because test data may be ordered by sequence or object.
    z = model.embed(x[np.random.default_rng(seed).permutation(len(x))[:_CANDIDATES]]).numpy()
    distances = np.linalg.norm(z[:, np.newaxis] - z, axis=-1)
    ends = z[list(np.unravel_index(np.argmax(distances), distances.shape))]
    nodes = None  # Drawn by the first graph, for all of them.
    for neighbors in _NEIGHBORS:
        graph = LatentGraph(model, _NODES, neighbors, keep=_KEEP, nodes=nodes, seed=seed)
        nodes = graph.nodes
        try:
            graph.path(*ends)
        except DisconnectedError as error:
            message = f"The interpolation has no row along the graph: {error}"
        else:
            return ends, graph
    print(message)
    return ends, None
