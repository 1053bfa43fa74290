"""Images: what a code of 64 numbers keeps of 784 pixels, and what the first layer looks for. Writes 02_images.png.

python 02_images.py [FOLDER]
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
from contractive import ContractiveAutoencoder, datasets

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
train, test = datasets.strokes(rows=3000), datasets.strokes(part="test", rows=500)

# One layer of sigmoid units and tied weights, as in the paper; images in [0, 1] have a cross-entropy loss.
model = ContractiveAutoencoder(
    (64,),
    activation="sigmoid",
    tied=True,
    loss="bce",
    contraction=1e-3,
    learning_rate=3e-3,
    max_iter=20,
    image_shape=train.image_shape,
    random_state=0,
).fit(train.X)
told = model.evaluate(test.X)
print(f"squared error an image: {told['sse']:.1f}; mean ‖J‖: {told['jacobian_norm']:.2f}")

fig, (above, below) = plt.subplots(nrows=2, figsize=(7, 7.4), layout="constrained", height_ratios=[1, 3.2])
model.plot_reconstructions(test.X, n=12, ax=above)
above.set_title("test images and their reconstructions from 64 numbers")
model.plot_filters(n=36, ax=below)
below.set_title("weights of 36 units of the first layer, each by its own largest")
fig.savefig(folder / "02_images.png", dpi=70)
