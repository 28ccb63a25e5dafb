"""Train the lab's AutoencoderKL: 64 px to 16x16 latents of 8 channels (f4).

Loss: L1 + MSE + half the L1 of horizontal and vertical differences (keeps lines sharp) + a small
KL. A part of the pictures gets other colours or is a mosaic of four, so that palettes and density that
no training set has are rebuilt too. bf16 autocast, fp32 weights, memory format contiguous
(channels_last is slower at 16 channels).

Run: python -m scripts.lab.train_vae --work DIR
"""

from __future__ import annotations

import torch
from diffusers import AutoencoderKL
from torch import Tensor
from torch.nn import functional as F

from scripts.lab.common import Checkpoint, Ema, Log, arguments, cosine_lr, inputs_digest, load_pictures, to_unit

BATCH = 16
PICTURES = 110_000
"""Trained on in all."""
CONFIG = {
    "in_channels": 3,
    "out_channels": 3,
    "down_block_types": ("DownEncoderBlock2D",) * 3,
    "up_block_types": ("UpDecoderBlock2D",) * 3,
    "block_out_channels": (16, 32, 64),
    "layers_per_block": 1,
    "latent_channels": 8,
    # Four channels to a group at the top level: one to a group would normalise flat colour away.
    "norm_num_groups": 4,
    "sample_size": 64,
    "mid_block_add_attention": False,
}


P_MOSAIC, P_PERMUTED, P_INVERTED = 0.25, 0.3, 0.05


def augment(pictures: Tensor, rows: Tensor, generator: torch.Generator) -> Tensor:
    """Pictures (B, 3, H, W) in -1..1: some mosaics of four, some with channels permuted or inverted."""
    wanted = to_unit(pictures[rows])
    for index in range(len(rows)):
        draw = torch.rand(4, generator=generator)
        if draw[0] < P_MOSAIC:
            four = to_unit(pictures[torch.randint(len(pictures), (4,), generator=generator)])
            small = F.avg_pool2d(four, 2)
            wanted[index] = torch.cat([torch.cat([small[0], small[1]], -1), torch.cat([small[2], small[3]], -1)], -2)
        if draw[1] < P_PERMUTED:
            wanted[index] = wanted[index][torch.randperm(3, generator=generator)]
        if draw[2] < P_INVERTED:
            wanted[index] = -wanted[index]
        if draw[3] < 0.5:
            wanted[index] = wanted[index].flip(-1)
    return wanted


def differences(x: Tensor) -> tuple[Tensor, Tensor]:
    return x[..., 1:] - x[..., :-1], x[..., 1:, :] - x[..., :-1, :]


def reconstruction_loss(seen: Tensor, wanted: Tensor) -> Tensor:
    """L1 + MSE + 0.5 x L1 of first differences; pictures (B, 3, H, W) in -1..1."""
    loss = F.l1_loss(seen, wanted) + F.mse_loss(seen, wanted)
    for a, b in zip(differences(seen), differences(wanted), strict=True):
        loss = loss + 0.5 * F.l1_loss(a, b)
    return loss


@torch.no_grad()
def psnr(vae: AutoencoderKL, pictures: Tensor) -> float:
    """Mean over pictures of the reconstruction PSNR in dB, from the posterior mean."""
    values = []
    for batch in pictures.split(64):
        wanted = to_unit(batch)
        seen = vae.decode(vae.encode(wanted).latent_dist.mode()).sample.clamp(-1, 1)
        values.append(-10 * torch.log10(((seen - wanted) / 2).pow(2).mean(dim=(1, 2, 3))))
    return float(torch.cat(values).mean())


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--kl", type=float, default=1e-4)
    args = parser.parse_args()
    torch.manual_seed(0)
    vae = AutoencoderKL(**CONFIG)
    seen_in_all = int(args.share * PICTURES)
    total = seen_in_all // BATCH
    pictures, _ = load_pictures(args.work / "render" / "train")
    optimiser = torch.optim.AdamW(vae.parameters(), lr=2e-3, weight_decay=0.0, betas=(0.9, 0.99))
    ema = Ema(vae, decay=0.999)
    folder = args.work / "vae"
    folder.mkdir(exist_ok=True)
    inputs = inputs_digest(args.work / "render" / "train.safetensors", config=CONFIG, pictures=seen_in_all, kl=args.kl)
    checkpoint = Checkpoint(folder / "state.pt", inputs=inputs, vae=vae, optimiser=optimiser, ema=ema)
    start = checkpoint.resume()
    log = Log(folder / "log.txt")
    for step in range(start, total):
        # Every draw is a function of the step, so that a resumed run sees what the first would have.
        generator = torch.Generator().manual_seed(1_000_003 * 7 + step)
        rows = torch.randint(len(pictures), (BATCH,), generator=generator)
        wanted = augment(pictures, rows, generator)
        for group in optimiser.param_groups:
            group["lr"] = cosine_lr(step, total, 2e-3, 100)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            posterior = vae.encode(wanted).latent_dist
            noise = torch.randn(posterior.mean.shape, generator=generator)
            seen = vae.decode(posterior.mean + posterior.std * noise).sample
        kl = 0.5 * (posterior.mean.float().pow(2) + posterior.var.float() - 1 - posterior.logvar.float()).mean()
        rebuilt = reconstruction_loss(seen.float(), wanted)
        loss = rebuilt + args.kl * kl
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimiser.step()
        ema.update(vae)
        if step % 200 == 199:
            log.line(step + 1, (step + 1) * BATCH, loss=float(rebuilt), kl=float(kl))
        if step % 500 == 499:
            checkpoint.save(step + 1)
    log.stretch("autoencoder", (total - start) * BATCH)
    checkpoint.save(total)
    vae.load_state_dict(ema.weights)
    vae.eval()
    held_out = {
        name: F.interpolate(load_pictures(args.work / "render" / name)[0][:200].float(), 64, mode="area").round()
        for name in ("streamline-freehand-color", "streamline-stickies-color")
    }
    for name, batch in {"training sets": pictures[::88].float(), **held_out}.items():
        print(f"PSNR {name}: {psnr(vae, batch):.2f} dB", flush=True)
    # The U-Net trains on latents of unit deviation.
    with torch.no_grad():
        sample = torch.cat([vae.encode(to_unit(b)).latent_dist.mode() for b in pictures[::9].split(64)])
    vae.register_to_config(scaling_factor=round(float(1 / sample.std()), 5))
    print("latent deviation per channel", sample.std(dim=(0, 2, 3)).tolist(), flush=True)
    vae.save_pretrained(folder / "export")


if __name__ == "__main__":
    main()
