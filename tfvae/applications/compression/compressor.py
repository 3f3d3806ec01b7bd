"""Lossless compression of binary data and of bytes with a trained model."""

import os
import pathlib
from typing import Any

import numpy as np

from tfvae import _checks, _files
from tfvae._progress import progress
from tfvae.applications.compression import bits_back, container, latents
from tfvae.applications.compression.coded_model import CodedModel, check
from tfvae.applications.compression.symbols import as_array, symbols_for
from tfvae.models import LatentVariableModel


class Compressor:
    """Lossless compression: about −ELBO/log 2 bits for each example [TBB19].

    Binary data (0 and 1) for a model with a Bernoulli likelihood; whole numbers from 0 to 255 for
    one with a Gaussian, which is discretised: 0 and 255 have its tails. The prior is N(0, I), the
    posterior a diagonal Gaussian. z is rounded to multiples of 1/256. The entropy coder is an
    asymmetric numeral system of the package constriction. Examples are chained: the bits that
    choose the z of an example come from those coded before it, and come back when it is decoded.
    Only the first example pays for them, 16 bits for each latent.

    **What is guaranteed.** `compress` decompresses what it made and compares, unless `verify` is
    False. `decompress` returns the very array that was given, or raises: the data have checksums of
    their bytes, of the model's weights and of the array. They are 64 bits long: against damage and
    mistakes, not against forgery. **What is not.** Every number of the networks must be the same,
    bit for bit, on both sides. The networks run on the CPU in batches of the same sizes, which is
    enough in another process with the same versions, the same kind of processor and the same
    settings of TensorFlow. Another version, another instruction set, another number of threads, or
    `TF_ENABLE_ONEDNN_OPTS` may round in another way; `decompress` then says so, and cannot restore
    the array. Keep the model with the data, and do not make this the only copy in an archive.

    Args:
        model: trained on such data, with the prior N(0, I), and neither discrete latents, a
            condition nor a target beside x.
        unit: for a Gaussian, what one of the 256 levels is in the unit of the model's data: 1/255
            (the default) for a model of x / 255, 1 for a model of x.
        batch_size: the most examples at a time; more are faster and take more memory.

    Raises:
        ImportError: when constriction is not installed.
        ValueError: when the model cannot compress, or a number is out of its range.

    Example:
        >>> import numpy as np, tfvae
        >>> from tfvae.applications import Compressor
        >>> x = np.random.default_rng(0).integers(2, size=(100, 1)) * np.ones(64, int)
        >>> vae = tfvae.VAE(latent_dim=2, likelihood="bernoulli", seed=0)
        >>> vae.compile("adam")
        >>> history = vae.fit(x, epochs=20, verbose=0)
        >>> compressor = Compressor(vae)
        >>> data = compressor.compress(x)
        >>> bool(np.all(compressor.decompress(data) == x))
        True
    """

    def __init__(
        self, model: LatentVariableModel, *, unit: float | None = None, batch_size: int = 256
    ) -> None:
        latents.constriction()
        check(model)
        self._symbols = symbols_for(model.likelihood, unit)
        self._coded = CodedModel(model)
        self._batch_size = _checks.whole_in("batch_size", batch_size, 1, 2**16)

    def compress(self, x: Any, *, verify: bool = True, verbose: str | int = "auto") -> bytes:
        """The compressed data, which hold the dtype and the number of examples too.

        Args:
            x: (n, *data), n ≥ 0, an array of any dtype of numbers; of an integer dtype for a
                Gaussian.
            verify: whether to decompress and compare before the data are returned.
            verbose: 1: a progress bar; 0: none; "auto": one in a terminal or notebook if it takes
                long.

        Raises:
            ValueError: when `x` does not fit, or the model's networks do not give the same numbers
                a second time.
        """
        verify = _checks.true_or_false("verify", verify)
        x = as_array(x)
        if x.shape[1:] != self._coded.shape or not x.ndim:
            raise ValueError(
                f"`x` must have the shape (n, {', '.join(map(str, self._coded.shape))}), the "
                f"examples that `model` is built for, received {x.shape}."
            )
        symbols = self._symbols.of(x)
        networks = self._coded.networks(self._symbols)
        with progress(len(x) * (2 if verify else 1), verbose, "example") as add:
            chain = bits_back.push(networks, symbols, self._coded.latent_dim, self._batch_size, add)
            data = container.packed(
                container.Content(
                    chain, x.dtype, self._symbols.unit, self._coded.digest, _digest(symbols),
                    container.environment(),
                )
            )  # fmt: skip
            if verify:
                content = container.unpacked(data, "`data`")
                if not np.array_equal(self._popped(content, add), symbols):
                    raise ValueError(
                        "`model` must give the same numbers each time, and did not when the data "
                        "were decompressed again. Leave out layers that draw random numbers, or "
                        "change, when they are called outside of training."
                    )
        return data

    def decompress(self, data: bytes, *, verbose: str | int = "auto") -> np.ndarray:
        """The array that was given to `compress`: same shape, dtype and values.

        Args:
            data: what `compress` returned.
            verbose: as for `compress`.

        Raises:
            ValueError: when `data` are damaged or something else, another model compressed them, or
                the networks give other numbers than there.
        """
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise ValueError(
                f"`data` must be the bytes that `compress` returned, received "
                f"{type(data).__name__}. `from_file` takes a path."
            )
        return self._decompressed(bytes(data), "`data`", verbose)

    def to_file(
        self,
        x: Any,
        path: str | os.PathLike,
        *,
        verify: bool = True,
        verbose: str | int = "auto",
    ) -> None:
        """Writes what `compress` returns to a file: all of it or, if that fails, nothing.

        Raises:
            ValueError: as `compress`.
            OSError: when the file cannot be written.
        """
        data = self.compress(x, verify=verify, verbose=verbose)
        with _files.replacing(path) as partial:
            partial.write_bytes(data)

    def from_file(self, path: str | os.PathLike, *, verbose: str | int = "auto") -> np.ndarray:
        """The array that was given to `to_file`.

        Raises:
            ValueError: as `decompress`.
            OSError: when the file cannot be read.
        """
        path = pathlib.Path(path)
        return self._decompressed(path.read_bytes(), f"The file {str(path)!r}", verbose)

    def _decompressed(self, data, source, verbose):
        content = container.unpacked(data, source)
        if content.model != self._coded.digest:
            raise ValueError(
                f"{source} must be compressed by this model, whose digest is "
                f"{self._coded.digest}, received data of a model with the digest {content.model}. "
                "Load the model that compressed them; training it on makes another of it."
            )
        with progress(content.num_examples, verbose, "example") as add:
            symbols = self._popped(content, add)
        if symbols is None or _digest(symbols) != content.data:
            raise ValueError(
                f"{source} cannot be restored: the networks give other numbers here than where "
                f"they were compressed. There: {content.made_by}. Here: {container.environment()}. "
                "Use the same versions, kind of processor, number of threads and settings of "
                "TensorFlow."
            )
        return symbols.astype(content.dtype)

    def _popped(self, content, add):
        """The symbols, or None where the networks give other numbers."""
        coded = self._coded
        symbols = symbols_for(coded.model.likelihood, content.unit)
        networks = coded.networks(symbols)
        return bits_back.pop(networks, content.chain, coded.shape, coded.latent_dim, add)


def _digest(symbols):
    return container.digest(f"{symbols.shape}".encode() + symbols.tobytes()).hex()
