#!/usr/bin/env python3
"""The terms of scvi-tools' scANVI on weights, counts and draws given by formulas: what scanvi_test.cpp holds ours to.

Needs scvi-tools (1.4.2 made the figures there): tests/bench/peers/setup_peers.sh installs it.
"""
import math

import torch
from scvi.module import SCANVAE

CELLS, GENES, LABELS, BATCHES, WIDTH, LATENT = 6, 7, 3, 2, 5, 4


def waves(shape, tag, scale=0.3):
    count = math.prod(shape)
    return (scale * torch.sin(1.3 * torch.arange(count, dtype=torch.float64) + tag)).reshape(shape)


module = SCANVAE(n_input=GENES, n_batch=BATCHES, n_labels=LABELS, n_hidden=WIDTH, n_latent=LATENT, n_layers=1,
                 dropout_rate=0, gene_likelihood="zinb").double()
LAYER = "fc_layers.Layer 0.0.weight"
NAMES = [f"z_encoder.encoder.{LAYER}", "z_encoder.mean_encoder.weight", "z_encoder.mean_encoder.bias",
         "z_encoder.var_encoder.weight", "z_encoder.var_encoder.bias", f"decoder.px_decoder.{LAYER}",
         "decoder.px_scale_decoder.0.weight", "decoder.px_scale_decoder.0.bias", "decoder.px_dropout_decoder.weight",
         "decoder.px_dropout_decoder.bias", f"encoder_z2_z1.encoder.{LAYER}", "encoder_z2_z1.mean_encoder.weight",
         "encoder_z2_z1.mean_encoder.bias", "encoder_z2_z1.var_encoder.weight", "encoder_z2_z1.var_encoder.bias",
         f"decoder_z1_z2.decoder.{LAYER}", "decoder_z1_z2.mean_decoder.weight", "decoder_z1_z2.mean_decoder.bias",
         "decoder_z1_z2.var_decoder.weight", "decoder_z1_z2.var_decoder.bias", f"classifier.classifier.0.{LAYER}",
         "classifier.classifier.1.weight", "classifier.classifier.1.bias", "px_r"]
parameters = dict(module.named_parameters())
with torch.no_grad():
    for tag, name in enumerate(NAMES, 1):
        parameters[name].copy_(waves(parameters[name].shape, tag))

counts = torch.floor(3 + 3 * torch.sin(1.7 * torch.arange(CELLS * GENES, dtype=torch.float64))).reshape(CELLS, GENES)
labels = torch.arange(CELLS).reshape(-1, 1) % LABELS
batches = torch.arange(CELLS).reshape(-1, 1) % BATCHES
draws = {CELLS: waves((CELLS, LATENT), 50, 1.0), CELLS * LABELS: waves((CELLS * LABELS, LATENT), 51, 1.0)}
torch.distributions.Normal.rsample = lambda self, _=torch.Size(): self.loc + self.scale * draws[self.loc.shape[0]]

tensors = {"X": counts, "batch": batches, "labels": labels}
module.train()
inference, generative, _ = module(tensors, compute_loss=True, loss_kwargs={"labelled_tensors": tensors, "classification_ratio": 1.0})
loss = module.loss(tensors, inference, generative, kl_weight=0.25, labelled_tensors=tensors, classification_ratio=50.0)
for name, values in (("reconstruction and latent", loss.reconstruction_loss["reconstruction_loss"]),
                     ("kl", loss.kl_local["kl_local"])):
    print(name, ", ".join(f"{v:.6f}" for v in values.tolist()))
print("cross-entropy", f"{loss.classification_loss.item():.6f}")
print("loss", f"{loss.loss.item():.6f}")
