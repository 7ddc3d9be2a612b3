"""The codec decoder (docs/model.md, section 7): 16 codes per frame in, 1920 samples per frame out.

Streams use the slots of a `CodecState`; the audio of a stream does not depend on its packet sizes or on the rest of the
batch. Always float32: half precision produces noise.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from qwen3tts_webui.model.codec.fused import MAX_FUSED_FRAMES, FusedCodec, fuse_codec
from qwen3tts_webui.model.codec.layers import (
    CausalConv,
    CausalUpsample,
    ConvNeXt,
    DecoderBlock,
    Snake,
    StatefulLayer,
)
from qwen3tts_webui.model.codec.state import CodecState, SlotIndex
from qwen3tts_webui.model.codec.transformer import CodecTransformer, CodecTransformerLayer
from qwen3tts_webui.model.config.model_config import CodecConfig
from qwen3tts_webui.model.cpu.memory import trim_host_memory
from qwen3tts_webui.model.weights.module_loader import load_weights

UNUSED_KEYS = (
    "encoder.",  # audio to codes, for voice cloning only
    "decoder.quantizer.rvq_first.input_proj.",  # latent to codebook, for encoding
    "decoder.quantizer.rvq_rest.input_proj.",
)
MAX_FUSED_STREAMS = 2
"""Largest batch of the fused path: as many streams as its startup check covers."""
MAX_DECODE_FRAMES = 100
"""Frames per call of `decode` for longer input: efficient without using much memory."""


class Codebook(nn.Module):
    """Running sums from training; an entry is its sum divided by its usage."""

    def __init__(self, size: int, dim: int) -> None:
        super().__init__()
        self.embedding_sum = nn.Parameter(torch.empty(size, dim))
        self.cluster_usage = nn.Parameter(torch.empty(size))

    def entries(self) -> torch.Tensor:
        """(size, dim)"""
        return self.embedding_sum.detach() / self.cluster_usage.detach().clamp(min=1e-5)[:, None]


class CodebookGroup(nn.Module):
    """Codebooks with one projection to `codebook_dim` for the sum of their entries."""

    def __init__(self, config: CodecConfig, num_books: int) -> None:
        super().__init__()
        dim = config.codebook_dim // 2
        books = (nn.ModuleDict({"_codebook": Codebook(config.codebook_size, dim)}) for _ in range(num_books))
        self.vq = nn.ModuleDict({"layers": nn.ModuleList(books)})
        self.output_proj = nn.Conv1d(dim, config.codebook_dim, 1, bias=False)

    def tables(self) -> torch.Tensor:
        """Entries before the projection, (books, size, codebook_dim / 2)."""
        return torch.stack([module.entries() for module in self.vq.modules() if isinstance(module, Codebook)])


class Quantizer(nn.Module):
    """Codes to vectors: the entries of each group's codebooks are summed and projected.

    `tables` (books * size, codebook_dim / 2) holds the entries of all codebooks, `projection` (codebook_dim,
    codebook_dim) those of both groups side by side.
    """

    tables: torch.Tensor
    projection: torch.Tensor
    offsets: torch.Tensor

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.rvq_first = CodebookGroup(config, 1)
        self.rvq_rest = CodebookGroup(config, config.num_quantizers - 1)

    def fold(self) -> None:
        groups = (self.rvq_first, self.rvq_rest)
        tables = torch.cat([group.tables() for group in groups])
        num_books, size, _ = tables.shape
        self.register_buffer("tables", tables.flatten(0, 1))
        weights = [group.output_proj.weight.detach().squeeze(2) for group in groups]
        self.register_buffer("projection", torch.cat(weights, dim=1))
        self.register_buffer("offsets", torch.arange(num_books, device=tables.device)[:, None] * size)
        del self.rvq_first, self.rvq_rest

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        """(batch, books, frames) -> (batch, frames, codebook_dim)"""
        entries = F.embedding(codes + self.offsets, self.tables)
        return F.linear(torch.cat([entries[:, 0], entries[:, 1:].sum(dim=1)], dim=-1), self.projection)

    def projected_tables(self) -> torch.Tensor:
        """Entries after the projection, (books * size, codebook_dim): one sum of rows replaces `forward`."""
        size = len(self.tables) // len(self.offsets)
        first, rest = self.projection.chunk(2, dim=1)
        return torch.cat([self.tables[:size] @ first.T, self.tables[size:] @ rest.T])


class CodecDecoder(nn.Module):
    """The decoder, with released weights until `fold` is called once; it runs afterwards."""

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.config = config
        self.fused: FusedCodec | None = None
        latent, width = config.latent_dim, config.decoder_dim
        self.quantizer = Quantizer(config)
        self.pre_conv = CausalConv(config.codebook_dim, latent, 3)
        self.pre_transformer = CodecTransformer(config)
        self.upsample = nn.ModuleList(
            nn.ModuleList([CausalUpsample(latent, latent, rate, taps=1), ConvNeXt(latent)])
            for rate in config.upsampling_ratios
        )
        blocks = [DecoderBlock(width >> i, width >> (i + 1), rate) for i, rate in enumerate(config.upsample_rates)]
        last = width >> len(blocks)
        self.decoder = nn.ModuleList([CausalConv(latent, width, 7), *blocks, Snake(last), CausalConv(last, 1, 7)])

    def fold(self) -> None:
        """Convert the released weights to the ones that run, packed for the device. To be called once."""
        foldable = (Quantizer, CausalConv, CausalUpsample, Snake, ConvNeXt, CodecTransformerLayer)
        for module in [module for module in self.modules() if isinstance(module, foldable)]:
            module.fold()
            trim_host_memory()
        for index, layer in enumerate(self.stateful_layers()):
            layer.context_index = index
        if self.quantizer.tables.device.type == "cuda":
            fuse_codec(self)

    def new_state(self, slots: int) -> CodecState:
        """State for `slots` new streams on the decoder's device."""
        config = self.config
        return CodecState.empty(
            slots,
            [(layer.context_frames, layer.channels) for layer in self.stateful_layers()],
            config.num_layers,
            (config.sliding_window - 1, config.num_heads, config.head_dim),
            self.quantizer.tables.device,
        )

    @torch.inference_mode()
    def decode(self, codes: torch.Tensor, state: CodecState, rows: SlotIndex) -> torch.Tensor:
        """Decode the next packet of the streams in `rows` and advance them.

        `codes`: (batch, num_quantizers, frames), integers below `codebook_size`, one batch entry per row.
        Returns audio in [-1, 1], (batch, frames * samples_per_frame). NaN in the weights or the state stays NaN.
        """
        few = codes.shape[0] <= MAX_FUSED_STREAMS and codes.shape[2] <= MAX_FUSED_FRAMES
        if self.fused is not None and few:
            return self.fused(codes, state, rows)
        x = self.quantizer(codes)
        x = self.pre_conv(x, state, rows)
        x = self.pre_transformer(x, state, rows)
        for stage in self.upsample:
            for layer in stage.children():
                x = layer(x, state, rows)
        first, *blocks, snake, last = self.decoder
        x = first(x, state, rows)
        for block in blocks:
            x = block(x, state, rows)
        audio: torch.Tensor = last(x, state, rows, snake)
        return audio.squeeze(2).clamp_(-1.0, 1.0)

    def decode_whole(self, codes: torch.Tensor) -> torch.Tensor:
        """Decode whole utterances: (batch, num_quantizers, frames) -> (batch, samples).

        Equals the official decoder up to 300 frames; for more, the official one recomputes too little context and this
        one stays exact (docs/model.md, section 11, quirk 6).
        """
        state = self.new_state(codes.shape[0])
        packets = torch.split(codes, MAX_DECODE_FRAMES, dim=2)
        return torch.cat([self.decode(packet, state, slice(None)) for packet in packets], dim=1)

    def stateful_layers(self) -> list[StatefulLayer]:
        """The layers with a context, in the order of the data flow."""
        return [m for m in self.modules() if isinstance(m, StatefulLayer) and m.context_frames > 0]


def load_codec(folder: Path, config: CodecConfig, device: torch.device) -> CodecDecoder:
    """Load the codec decoder from the `speech_tokenizer` folder of a checkpoint: folded, float32, on `device`.

    Raises CheckpointError as `load_weights` does.
    """
    decoder = load_weights(
        lambda: CodecDecoder(config),
        folder,
        device=device,
        dtype=torch.float32,
        key_of=lambda name: f"decoder.{name}",
        unused=UNUSED_KEYS,
    )
    decoder.fold()
    return decoder
