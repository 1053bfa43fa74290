"""Encoders that the tests share, and rows for them."""

import torch
from torch import nn


def rows(*shape):
    generator = torch.Generator("cpu").manual_seed(1)
    return torch.randn(*shape, generator=generator, dtype=torch.float64, device="cpu").to(torch.get_default_device())


class Attention(nn.Module):
    """An encoder that no closed form takes: rows attend within themselves."""

    def __init__(self):
        super().__init__()
        self.inner = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, batch_first=True, dtype=torch.float64)
        self.code = nn.Linear(12, 3, dtype=torch.float64)

    def forward(self, x):
        return torch.tanh(self.code(self.inner(x.unflatten(1, (3, 4))).flatten(1)))


class Written(nn.Module):
    """An encoder as most people write it."""

    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(12, 7, dtype=torch.float64), nn.Linear(7, 4, dtype=torch.float64)

    def forward(self, x):
        return torch.sigmoid(self.fc2(torch.relu(self.fc1(x))))


class Joined(Written):
    """One whose paths join: no chain."""

    def forward(self, x):
        a = torch.relu(self.fc1(x))
        return torch.sigmoid(self.fc2(a) + self.fc2(a.square()))
