"""Shows what a model has learned, on a page that only this computer can open.

    tfvae explore model.keras digits
    tfvae explore model.keras pendulum --set size=16 --coloring cyclic
    tfvae explore model.keras examples.npz

Sliders move a point along latents or principal axes, and the decoded picture follows; a click on
the map moves it to an encoded example. DATA is an .npy or .npz file with x, and labels if there
are, or a data set of the library; without DATA the page shows samples of the prior.
"""

import argparse

from tfvae._checks import whole_number
from tfvae.commands import parsing


def add_arguments(parser: parsing.Parser) -> None:
    """The model, the data, and how they are shown."""
    from tfvae.applications.explorer.server import PORT
    from tfvae.plots.latent import COLORINGS

    add = parser.add_argument
    add("model", metavar="MODEL", help="A .keras file, as `model.save` writes it.")
    add("data", metavar="DATA", nargs="?", help="An .npy or .npz file, or a name of a data set.")
    add("--split", default="test", help="Split of a data set; default: test.")
    add("--path", help="Raw files of a data set that has some.")
    add("--data_dir", help="Folder of prepared data sets; default: ~/tensorflow_datasets.")
    add("--set", type=_option, action="append", default=[], metavar="NAME=VALUE",
        help="Option of a data set, such as size=16; may be repeated.")  # fmt: skip
    add("--coloring", choices=COLORINGS, default="auto", help="How labels colour the points.")
    add("--limit", type=whole_number, default=5000, help="Greatest number of examples; 5000.")
    add("--seed", type=whole_number, default=0, help="Of the choice of examples and the samples.")
    add("--port", type=whole_number, default=PORT, help=f"Default: {PORT}.")
    add("--no_browser", action="store_true", help="Do not open a browser.")


@parsing.user_errors()
def run(options: argparse.Namespace) -> None:
    """Loads the model, encodes the data, and serves the page until Ctrl-C."""
    from tfvae.applications.explorer import LatentSpace, files, server

    server.check_installed()  # Before minutes of loading.
    files.check_paths(options.model, options.data)
    model = files.read_model(options.model)
    data = None
    if options.data is not None:
        data = files.read_data(
            options.data,
            split=options.split,
            path=options.path,
            data_dir=options.data_dir,
            options=dict(options.set),
        )
    space = LatentSpace(model, data, limit=options.limit, seed=options.seed)
    server.serve(
        space,
        title=server.title_of(options.model, space),
        port=options.port,
        show=not options.no_browser,
        coloring=options.coloring,
    )


def _option(text: str) -> tuple:
    from tfvae.applications.explorer import files

    try:
        return files.option(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
