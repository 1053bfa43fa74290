"""Our detectors on the benchmark of pictures: python ours.py JSON [--only textures|one-class] [--step 2].

The only file here that uses our package. Each entry takes pictures as arrays and gives maps or scores.
"""

import numpy as np
import peers
from contractive import ImageDetector


def by_images(**settings):
    """Maps of a detector of pictures, with its defaults but for `settings`."""

    def found(texture):
        detector = ImageDetector(random_state=0, **settings).fit(list(texture.train))
        return np.stack([np.asarray(m, dtype=np.float32) for m in detector.heatmap(list(texture.test))])

    return found


def by_wholes(**settings):
    """Scores of a detector of whole pictures."""

    def found(train, test):
        return ImageDetector(whole=True, random_state=0, **settings).fit(train).anomaly_scores(test)

    return found


TEXTURES = {
    "contractive, default": by_images(),
    "the same, contraction 0": by_images(contraction=0.0),
}
ONE_CLASS = {
    "contractive, whole": by_wholes(),
    "the same, contraction 0": by_wholes(contraction=0.0),
}

if __name__ == "__main__":
    given = peers.words(__doc__.splitlines()[0])
    peers.run(given.json, TEXTURES, ONE_CLASS, given.only, given.step)
