"""What the contraction does: one network at four strengths, and the singular values of ∂h/∂x. Writes 03_contraction.png.

python 03_contraction.py [FOLDER]
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
from contractive import ContractiveAutoencoder, datasets

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
train, test = datasets.strokes(rows=3000), datasets.strokes(part="test", rows=500)
strengths = [0.0, 1.0, 10.0, 100.0]

fig, (left, right) = plt.subplots(ncols=2, figsize=(9, 3.8), layout="constrained")
print("contraction  squared error    ‖J‖  local dimension")
for strength in strengths:
    model = ContractiveAutoencoder(
        (64, 16),
        code_activation="sigmoid",
        loss="sse",
        contraction=strength,
        max_iter=10,
        image_shape=train.image_shape,
        random_state=0,
    ).fit(train.X)
    told = model.evaluate(test.X)
    print(
        f"{strength:11g}  {told['sse']:13.1f}  {told['jacobian_norm']:5.2f}  {model.local_dimension_:15.1f}",
        flush=True,
    )
    left.plot(told["jacobian_norm"], told["sse"], marker="o", color="tab:blue")
    left.annotate(f" {strength:g}", (told["jacobian_norm"], told["sse"]), va="bottom")
    model.plot_spectrum(test.X, right, label=f"contraction {strength:g}")
left.set(xlabel="mean ‖∂h/∂x‖", ylabel="squared error a test image", title="the price of contraction")
left.margins(0.12)
right.set_title("median and quartiles of 500 test images")
fig.savefig(folder / "03_contraction.png", dpi=80)
