"""Shows what a model has learned, on a page that only this computer can open.

    tfvae explore runs/digits
    tfvae explore model.keras digits
    tfvae explore model.keras pendulum --set size=16 --coloring cyclic
    tfvae explore model.keras examples.npz

Sliders move a point along latents or principal axes, and the decoded picture follows; a click on
the map moves it to an encoded example. DATA is an .npy or .npz file with x, and labels if there
are, or a data set of the library. MODEL is a .keras file, or the folder of a preset or of a run of
`tfvae train`. Without DATA the page shows the test data of the run, or samples of the prior.
"""

import argparse
import pathlib
from typing import TYPE_CHECKING

from tfvae._checks import whole_number
from tfvae.commands import parsing

if TYPE_CHECKING:
    from ml_collections import config_dict

    from tfvae.applications.explorer import Data


def add_arguments(parser: parsing.Parser) -> None:
    """The model, the data, and how they are shown."""
    from tfvae.applications.explorer.server import PORT
    from tfvae.plots.latent import COLORINGS

    add = parser.add_argument
    add("model", metavar="MODEL", help="A .keras file, or the folder of a run or a preset.")
    add("data", metavar="DATA", nargs="?", help="An .npy or .npz file, or a name of a data set.")
    add("--split", help="Split of a data set; default: test, or that of the run.")
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
    config = config_of_run(options)  # Before the model is loaded, which takes long.
    model = files.read_model(options.model)
    data = None
    if config is not None:
        data = data_of_run(config, pathlib.Path(options.model))
    elif options.data is not None:
        data = files.read_data(
            options.data,
            split=options.split or "test",
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


def config_of_run(options: argparse.Namespace) -> "config_dict.ConfigDict | None":
    """The config of the run in MODEL, whose data are shown; None: there is none, or DATA is given.

    Raises:
        ValueError: when the config is damaged, or options do not fit the data of a run.
    """
    from tfvae.experiments import config_file

    path = pathlib.Path(options.model) / config_file.NAME
    if options.data is not None or not path.is_file() or not config_file.is_of_run(path):
        return None
    config = config_file.read(path)
    if options.set:
        raise ValueError(
            "--set must be left out for the data of a run, whose config has them, received "
            f"{options.set[0][0]}. Name the data set, too, to show others."
        )
    given = {"test": options.split, "path": options.path, "data_dir": options.data_dir}
    config.data.update({name: value for name, value in given.items() if value is not None})
    return config


def data_of_run(config: "config_dict.ConfigDict", workdir: pathlib.Path) -> "Data":
    """The test data of a run, as its model takes them, with the labels that they have."""
    from tfvae.applications.explorer import files
    from tfvae.experiments import finished, run_data

    test = run_data.test_data(config, finished.table_of(workdir))
    x, labels = run_data.arrays(test, config)
    data = config.data
    joints, parents = files.stick_figure(
        data.name, data.path, data.data_dir, data.options.to_dict()
    )
    return files.labelled(x, labels)._replace(
        joints=joints, parents=parents, name=f"{data.name}, {data.test}"
    )


def _option(text: str) -> tuple:
    from tfvae.applications.explorer import files

    try:
        return files.option(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
