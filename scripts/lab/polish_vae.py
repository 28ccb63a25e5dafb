"""Train the lab VAE's decoder a little longer on the finished encoder; latents, and so the U-Net, are untouched.

Reads vae/export and writes vae/polished.

Run: python -m scripts.lab.polish_vae --work DIR   (after train_vae; may run before, during or after train_unet)
"""

from __future__ import annotations

import torch
from diffusers import AutoencoderKL
from torch.nn import functional as F

from scripts.lab.common import Checkpoint, Ema, Log, arguments, cosine_lr, inputs_digest, load_pictures
from scripts.lab.train_vae import BATCH, augment, psnr, reconstruction_loss

PICTURES = 28_000
PEAK = 1e-3


def main() -> None:
    args = arguments(__doc__).parse_args()
    folder = args.work / "vae"
    vae = AutoencoderKL.from_pretrained(folder / "export").train()
    pictures, _ = load_pictures(args.work / "render" / "train")
    trained = [*vae.decoder.parameters(), *vae.post_quant_conv.parameters()]
    optimiser = torch.optim.AdamW(trained, lr=PEAK, weight_decay=0.0, betas=(0.9, 0.99))
    ema = Ema(vae, decay=0.999)
    inputs = inputs_digest(
        args.work / "render" / "train.safetensors",
        folder / "export" / "diffusion_pytorch_model.safetensors",
        pictures=int(args.share * PICTURES),
    )
    checkpoint = Checkpoint(folder / "polish.pt", inputs=inputs, vae=vae, optimiser=optimiser, ema=ema)
    log, total = Log(folder / "polish-log.txt"), int(args.share * PICTURES) // BATCH
    start = checkpoint.resume()
    for step in range(start, total):
        generator = torch.Generator().manual_seed(5_000_011 + step)
        rows = torch.randint(len(pictures), (BATCH,), generator=generator)
        wanted = augment(pictures, rows, generator)
        for group in optimiser.param_groups:
            group["lr"] = cosine_lr(step, total, PEAK, 100)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            with torch.no_grad():
                posterior = vae.encode(wanted).latent_dist
                latents = posterior.mean + posterior.std * torch.randn(posterior.mean.shape, generator=generator)
            seen = vae.decode(latents).sample
        loss = reconstruction_loss(seen.float(), wanted)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        ema.update(vae)
        if step % 200 == 199:
            log.line(step + 1, (step + 1) * BATCH, loss=float(loss.detach()))
        if step % 500 == 499:
            checkpoint.save(step + 1)
    log.stretch("decoder", (total - start) * BATCH)
    checkpoint.save(total)
    vae.load_state_dict(ema.weights)
    vae.eval()
    for name in ("streamline-freehand-color", "streamline-stickies-color"):
        unseen = F.interpolate(load_pictures(args.work / "render" / name)[0][:200].float(), 64, mode="area").round()
        print(f"PSNR {name}: {psnr(vae, unseen):.2f} dB", flush=True)
    vae.save_pretrained(folder / "polished")


if __name__ == "__main__":
    main()
