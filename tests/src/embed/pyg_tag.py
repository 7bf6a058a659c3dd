#!/usr/bin/env python3
"""Two TAGConv layers of PyTorch Geometric on a small graph, weights and input given by formulas: what tag_encoder_test.cpp holds
ours to.

Needs torch_geometric (2.8.1 made the figures there): tests/bench/peers/setup_peers.sh installs it.
"""
import torch
from torch_geometric.nn import TAGConv

CELLS, GENES, HIDDEN, LATENT, HOPS = 9, 6, 5, 3, 3


def waves(count, tag, scale=0.5):
    return scale * torch.sin(1.3 * torch.arange(count, dtype=torch.float64) + tag)


# Row r is joined with 2 r + 1, and with r + 1 where r is even.
pairs = [(r, (2 * r + 1) % CELLS) for r in range(CELLS - 1)] + [(r, r + 1) for r in range(0, CELLS - 1, 2)]
edges = torch.tensor(sorted({*pairs, *[(b, a) for a, b in pairs]})).t()
x = torch.clamp(waves(CELLS * GENES, 40, 2.0), min=0).reshape(CELLS, GENES)
first, second = TAGConv(GENES, HIDDEN, K=HOPS).double(), TAGConv(HIDDEN, LATENT, K=HOPS).double()
with torch.no_grad():
    for k in range(HOPS + 1):
        # Linear layers hold [out, in].
        first.lins[k].weight.copy_(waves(GENES * HIDDEN, 1 + k).reshape(GENES, HIDDEN).t())
        second.lins[k].weight.copy_(waves(HIDDEN * LATENT, 11 + k).reshape(HIDDEN, LATENT).t())
    first.bias.copy_(waves(HIDDEN, 21))
    second.bias.copy_(waves(LATENT, 22))
z = second(torch.relu(first(x, edges)), edges)
z.square().sum().backward()
print("z", ", ".join(f"{v:.6f}" for v in z.flatten().tolist()))
for k in range(HOPS + 1):
    print("gene weight", k, f"{first.lins[k].weight.grad.square().sum().item():.6f}")
    print("second weight", k, f"{second.lins[k].weight.grad.square().sum().item():.6f}")
print("first bias", ", ".join(f"{v:.6f}" for v in first.bias.grad.tolist()))
