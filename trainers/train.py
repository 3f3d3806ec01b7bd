"""Trains the model of a config, and writes all that one wants to know of it to a folder.

    python -m trainers.train --config=trainers/configs/vhp_vae.py:pendulum --workdir=runs/pendulum

Config files: vae.py, beta_vae.py, factor_vae.py, iwae.py, vamp_vae.py, vhp_vae.py and
flat_manifold_vae.py in trainers/configs; after the colon the data set: pendulum, digits, mnist,
cmu_mocap, coil20, sprites, or sprites_full, which is all of dSprites. With categories
cascade_vae.py, joint_vae.py and adversarial_autoencoder.py: digits, mnist, sprites, sprites_full.
Of sequences topographic_vae.py: digits, mnist. Any key is set on the command line:

    --config.epochs=20  --config.batch_size=256  --config.model.latent_dim=4
    --config.optimizer.learning_rate=5e-4  --config.model.encoder.hidden=512,512
    --config.data.path=DIR           raw files of cmu_mocap and coil20
    --config.data.name=idx           with the data set mnist: IDX files at --config.data.path

The folder gets config.json, checkpoints/, history.csv, logs/ (TensorBoard), model.keras, figures/,
report.md, report.json and serving/1 (a SavedModel for TF Serving).

The same command again goes on after the last finished epoch, with the same result as without the
interruption; once finished, it does the report anew. More epochs than before may be asked for.
SIGTERM and Ctrl-C save within the epoch, and the same command goes on there.

--strategy=mirrored trains on all GPUs of the machine, --strategy=multi_worker on all machines that
TF_CONFIG names: the same command on each, with --workdir on a disk that all of them see;
config.batch_size is that of all together. trainers/clusters has examples for SLURM and Kubernetes.
"""

from absl import flags

from trainers import cli

flags.adopt_module_key_flags(cli)
STRATEGY = flags.DEFINE_string(
    "strategy", "one", "Where to train: one (device), mirrored (all GPUs) or multi_worker."
)
TIMEOUT = flags.DEFINE_float("worker_timeout", 600.0, "Seconds to wait for other workers.")


def main(config, workdir):
    """Trains, and prints the report."""
    # Imported when the command line is known to be right: TensorFlow takes seconds.
    from trainers import report, strategies, training

    strategy = strategies.strategy(STRATEGY.value, TIMEOUT.value)
    _, lines = training.run(config, workdir, strategy=strategy)
    if not lines:  # The first worker has them.
        return
    title = f"Test data; figures and files are in {workdir}"
    print(f"\n{report.table(title, lines)}")


if __name__ == "__main__":
    cli.run(main)
