"""A first fit: 178 wines, 13 measurements each, as codes of two numbers. Writes 01_first_fit.png.

python 01_first_fit.py [FOLDER]
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
from contractive import ContractiveAutoencoder
from sklearn.datasets import load_wine

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
wines = load_wine(as_frame=True)

# Columns of different units are scaled (`scale="auto"`), and a tenth of the rows is held out to stop by.
model = ContractiveAutoencoder((16, 2), code_activation="identity", contraction=1e-2, tied=True, random_state=0).fit(
    wines.data
)
print(model)
print(f"restored: {model.score(wines.data):.0%} of the variance")

codes = model.transform(wines.data)
print(f"codes of {codes.shape[0]} rows, {codes.shape[1]} numbers each")

fig, (left, right) = plt.subplots(ncols=2, figsize=(9, 3.8), layout="constrained")
model.plot_loss(left)
left.set_title("training")
model.plot_codes(wines.data, wines.target_names[wines.target], right)
right.set_title("codes, coloured by cultivar (not used in training)")
fig.savefig(folder / "01_first_fit.png", dpi=80)
