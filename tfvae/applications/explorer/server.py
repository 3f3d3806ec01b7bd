"""The server of the page, for this computer alone."""

import pathlib
import socket

from tfvae import _checks
from tfvae.applications.explorer.files import Data
from tfvae.applications.explorer.space import LatentSpace
from tfvae.plots.latent import COLORINGS

HOST, PORT = "127.0.0.1", 8765


def serve(
    space: LatentSpace,
    *,
    title: str = "",
    port: int = PORT,
    show: bool = True,
    coloring: str = "auto",
) -> None:
    """Serves the page of a latent space until Ctrl-C, to browsers on this computer alone.

    Other computers cannot connect, and requests for another host's name are refused. All that the
    page needs comes from installed packages; nothing is loaded from the internet. The page sends
    numbers and choices, never code.

    Args:
        space: the latent space, with its data.
        title: of the page; "": the model's name.
        port: of 127.0.0.1.
        show: whether to open a browser.
        coloring: how labels are shown, see `tfvae.plots.latent_scatter`.

    Raises:
        ImportError: when NiceGUI is not installed.
        ValueError: when the port is taken or an argument does not fit.

    Example:
        >>> space = LatentSpace(vae, Data(x))                               # doctest: +SKIP
        >>> serve(space)                                                    # doctest: +SKIP
    """
    coloring = _checks.one_of("coloring", coloring, COLORINGS)
    port = _checks.whole_in("port", port, 1, 65535)
    check_installed()
    _check_free(port)
    from nicegui import app, ui
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    from tfvae.applications.explorer import page, scene

    title = title or f"{type(space.model).__name__} with {space.latent_dim} latents"
    shown = scene.Scene(space, title, about(space.data, len(space.points)), coloring)

    async def root() -> None:
        made = page.Page(shown)
        await ui.context.client.connected()
        if "kept" in app.storage.tab:
            made.recall(app.storage.tab["kept"])

    # A page of another name that leads to this computer could read what is shown.
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])
    print(f"http://{HOST}:{port} shows {title}; Ctrl-C ends it.", flush=True)
    ui.run(
        root, host=HOST, port=port, title=title, show=show, reload=False, tailwind=False,
        show_welcome_message=False, favicon="🧭",
    )  # fmt: skip


def about(data: Data | None, count: int) -> str:
    """What is shown, in a line."""
    return "the prior alone" if data is None else f"{count:,} points of {data.name}"


def check_installed() -> None:
    """Raises an ImportError that says what to install when NiceGUI is missing."""
    _checks.package("nicegui", "The explorer", "tfvae[explorer]")


def _check_free(port: int) -> None:
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((HOST, port))
        except OSError as error:
            raise ValueError(
                f"`port` must be free, received {port} ({error.strerror}). Give another one: "
                f"--port={port + 1}."
            ) from error


def title_of(path: str, space: LatentSpace) -> str:
    """The name of the model's file or folder, its class and its number of latents."""
    path = pathlib.Path(path).resolve()
    name = path.name if path.is_dir() else path.stem
    count = f"{space.latent_dim} latent{'s' if space.latent_dim > 1 else ''}"
    return f"{name} · {type(space.model).__name__}, {count}"
