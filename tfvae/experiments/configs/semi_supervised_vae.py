"""Semi-supervised VAE (M2): a classifier learned from few labels and many images.

`--config=semi_supervised_vae:DATASET`, digits, mnist, sprites or sprites_full

--config.data.num_labels is the number of training images that have a label.
"""

from ml_collections import config_dict

from tfvae.experiments.configs import settings

CHOICES = settings.WITH_CLASSES


def get_config(dataset: str = "digits") -> config_dict.ConfigDict:
    """Returns the config for a data set with classes; see `settings.DATASETS`."""
    discrete = {"name": "Labels", "unknown": -1, "classifier_weight": 100.0}
    config = settings.experiment(
        dataset,
        {
            "name": "VAE",
            "prior": {"name": "StandardNormal"},
            "objective": {"name": "ELBO"},
            **settings.categorical(dataset, discrete),
        },
    )
    config.data.supervised = True
    config.data.num_labels = 100
    return config
