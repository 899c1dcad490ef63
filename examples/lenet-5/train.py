#!/usr/bin/env python3
"""Trains LeNet-5 on MNIST and writes it as ONNX.

usage: train.py MNIST OUT.onnx [EPOCHS]

MNIST is the folder with the four idx .gz files. LeNet-5 has Caffe's form here, with
431,080 parameters: the network on which Deep Compression (Han et al. 2016) and Dynamic
Network Surgery (Guo et al. 2016) report. Needs PyTorch and NumPy.
"""
import gzip
import struct
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

BATCH = 128


def idx(path):
    """Reads an idx file of bytes."""
    with gzip.open(path, "rb") as f:
        magic, = struct.unpack(">i", f.read(4))
        shape = struct.unpack(">" + "i" * (magic & 255), f.read(4 * (magic & 255)))
        return np.frombuffer(f.read(), np.uint8).reshape(shape).copy()


def load(folder, part):
    """Returns images [n, 1, 28, 28] in 0..1 and labels [n]."""
    x = torch.from_numpy(idx(f"{folder}/{part}-images-idx3-ubyte.gz")).float().div(255).unsqueeze(1)
    return x, torch.from_numpy(idx(f"{folder}/{part}-labels-idx1-ubyte.gz")).long()


class LeNet5(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 20, 5), nn.Conv2d(20, 50, 5)
        self.fc1, self.fc2 = nn.Linear(800, 500), nn.Linear(500, 10)

    def forward(self, x):
        x = F.max_pool2d(self.conv1(x), 2)
        x = F.max_pool2d(self.conv2(x), 2)
        return self.fc2(F.relu(self.fc1(torch.flatten(x, 1))))


def error(net, x, y):
    """Returns the errors in percent."""
    net.eval()
    with torch.no_grad():
        wrong = sum((net(x[i:i + 1000]).argmax(1) != y[i:i + 1000]).sum().item() for i in range(0, len(x), 1000))
    return 100.0 * wrong / len(x)


def train(net, x, y, epochs, after):
    """Trains with Adam, a one-cycle learning rate, and random shifts by up to two pixels."""
    steps = len(x) // BATCH
    opt = torch.optim.Adam(net.parameters(), lr=1e-3)
    rate = torch.optim.lr_scheduler.OneCycleLR(opt, 2e-3, total_steps=epochs * steps)
    for epoch in range(epochs):
        net.train()
        order = torch.randperm(len(x))
        for i in range(steps):
            j = order[i * BATCH:(i + 1) * BATCH]
            dx, dy = torch.randint(-2, 3, (2,))  # one shift for the whole batch
            loss = F.cross_entropy(net(torch.roll(x[j], (int(dx), int(dy)), (2, 3))), y[j])
            opt.zero_grad()
            loss.backward()
            opt.step()
            rate.step()
        after(epoch)


def main():
    folder, out = sys.argv[1], sys.argv[2]
    epochs = int(sys.argv[3]) if len(sys.argv) > 3 else 20
    torch.manual_seed(1)
    net = LeNet5()
    test = load(folder, "t10k")
    train(net, *load(folder, "train"), epochs, lambda epoch: print(epoch, error(net, *test), flush=True))
    net.eval()
    torch.onnx.export(net, torch.zeros(1, 1, 28, 28), out, opset_version=13, input_names=["image"], output_names=["logits"],
                      dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}})


main()
