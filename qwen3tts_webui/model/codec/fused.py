"""The codec decoder on a GPU with one launch for each convolution, linear layer and attention of a packet.

In: a folded `CodecDecoder`. Out: the same audio and state as its layers, up to the order of sums and TF32 rounding.
Weights are shared with the layers, which decode long packets, and all packets where Triton is missing or the check
fails. Everything stays on the device, so that CUDA graphs can capture it.
"""

from __future__ import annotations

import importlib.util
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

import torch
from torch import Tensor, nn

from qwen3tts_webui.model.codec.tiles import COUNTERS, MIN_TILE, power_of_two, tiles_of

if TYPE_CHECKING:
    from qwen3tts_webui.model.codec.decoder import CodecDecoder
    from qwen3tts_webui.model.codec.layers import ConvNeXt, DecoderBlock, ResidualUnit, Snake
    from qwen3tts_webui.model.codec.state import CodecState, SlotIndex
    from qwen3tts_webui.model.codec.transformer import CodecTransformer, CodecTransformerLayer
    from qwen3tts_webui.model.cpu.convolution import PlainConvolution

MAX_FUSED_FRAMES = 8
"""Longer packets use the layers."""
_CONTEXT_BLOCK = 32
_MAX_RELATIVE_ERROR = 0.02  # TF32 keeps 11 bits of each factor

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class FusedConv:
    """A causal convolution or a linear layer (one tap): `weight` (outputs, taps, inputs), both contiguous.

    `context` is its index in `CodecState.contexts`, or -1; `number` is its index among the products of a decoder.
    """

    number: int
    weight: Tensor
    bias: Tensor | None
    dilation: int = 1
    context: int = -1


@dataclass(frozen=True, slots=True, eq=False)
class FusedPacket:
    """One call: the slots (batch,) int64, the inputs of all layers with a context in one buffer, zeroed counters."""

    state: CodecState
    slots: Tensor
    frames: int
    inputs: Tensor
    arrived: Tensor
    tf32: bool

    @property
    def batch(self) -> int:
        return self.slots.shape[0]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Epilogue:
    """Operations fused with a product: norm of its input, residual, activation and Snake of its output."""

    norm: Tensor | None = None
    eps: float = 0.0
    residual: Tensor | None = None
    activation: Literal["", "gate", "gelu", "clamp"] = ""
    snake: nn.Module | None = None
    keep: bool = True  # also store the value before Snake


_NO_EPILOGUE = Epilogue()


class FusedCodec:
    """Decodes packets of at most `MAX_FUSED_FRAMES` frames; called as `CodecDecoder.decode` is."""

    def __init__(self, decoder: CodecDecoder) -> None:
        self._decoder = decoder
        self._products: dict[nn.Module, FusedConv] = {}
        self._depthwise: dict[nn.Module, Tensor] = {}
        for module in decoder.modules():
            self._add(module)
        self._tables = decoder.quantizer.projected_tables()
        device = self._tables.device
        self._tensor_cores = device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)
        table = _context_table(decoder)
        self._starts, self._channels = [line[0] for line in table], [line[2] for line in table]
        self._per_frame = [line[1] for line in table]
        self._floats = sum(line[1] * line[2] for line in table)
        self._longest = max(line[4] for line in table)
        self._table = torch.tensor(table, device=device)

    def __call__(self, codes: Tensor, state: CodecState, rows: SlotIndex) -> Tensor:
        """Codes (batch, num_quantizers, frames) -> audio in [-1, 1], (batch, frames * samples_per_frame)."""
        decoder = self._decoder
        packet = self._begin(codes, state, rows)
        x, _ = self._convolve(decoder.pre_conv, self._add_entries(codes, packet), packet)
        x = self._transform(decoder.pre_transformer, x, packet)
        stages = [list(stage.children()) for stage in decoder.upsample]
        first, *modules, snake, last = decoder.decoder
        blocks = [list(cast("DecoderBlock", block).block) for block in modules]
        for stage, after in zip(stages, [*(stage[0] for stage in stages[1:]), first], strict=True):
            x = self._upsample(stage, after, x, packet)
        ends = [*((block[0], block[1]) for block in blocks), (snake, last)]
        _, x = self._convolve(first, x, packet, Epilogue(snake=ends[0][0], keep=False), after=ends[0][1])
        for block, end in zip(blocks, ends[1:], strict=True):
            x = self._block(block, end, x, packet)
        audio, _ = self._convolve(last, x, packet, Epilogue(activation="clamp"))
        self._advance(packet)
        return audio.view(packet.batch, -1)

    def rounds(self) -> bool:
        """Whether products use TF32: the device supports it and torch's convolutions may use it."""
        return self._tensor_cores and torch.backends.cudnn.allow_tf32

    def _begin(self, codes: Tensor, state: CodecState, rows: SlotIndex) -> FusedPacket:
        batch, _, frames = codes.shape
        device = self._table.device
        slots = torch.arange(state.slots, device=device)[rows] if isinstance(rows, slice) else rows.contiguous()
        inputs = torch.empty(batch * frames * self._floats, device=device)
        arrived = torch.zeros(len(self._products) * COUNTERS, dtype=torch.int32, device=device)
        return FusedPacket(state, slots, frames, inputs, arrived, self.rounds())

    def _input(self, layer: int, packet: FusedPacket) -> Tensor:
        """The buffer for the input (rows, channels) of the layer with this context."""
        frames, channels = packet.batch * packet.frames, self._channels[layer]
        rows = frames * self._per_frame[layer]
        return packet.inputs.narrow(0, self._starts[layer] * frames, rows * channels).view(rows, channels)

    def _add_entries(self, codes: Tensor, packet: FusedPacket) -> Tensor:
        from qwen3tts_webui.model.codec.triton_kernels import add_entries

        out = self._input(self._decoder.pre_conv.context_index, packet)
        books, channels = codes.shape[1], out.shape[1]
        add_entries[(len(out), -(-channels // 128))](
            codes,
            self._tables,
            out,
            *codes.stride(),
            packet.frames,
            books,
            len(self._tables) // books,
            channels,
            BLOCK=128,
        )
        return out

    def _transform(self, transformer: CodecTransformer, x: Tensor, packet: FusedPacket) -> Tensor:
        x, _ = self._convolve(transformer.input_proj, x, packet)
        for index, module in enumerate(transformer.layers):
            layer = cast("CodecTransformerLayer", module)
            attention, mlp, norm = layer.self_attn, layer.mlp, layer.input_layernorm
            qkv, _ = self._convolve(attention.qkv_proj, x, packet, Epilogue(norm=norm.weight, eps=norm.eps))
            attended = self._attend(transformer, qkv, index, packet)
            x, _ = self._convolve(attention.o_proj, attended, packet, Epilogue(residual=x))
            norm = layer.post_attention_layernorm
            epilogue = Epilogue(norm=norm.weight, eps=norm.eps, activation="gate")
            gated, _ = self._convolve(mlp.gate_up_proj, x, packet, epilogue)
            x, _ = self._convolve(mlp.down_proj, gated, packet, Epilogue(residual=x))
        norm = transformer.norm
        return self._convolve(transformer.output_proj, x, packet, Epilogue(norm=norm.weight, eps=norm.eps))[0]

    def _attend(self, transformer: CodecTransformer, qkv: Tensor, layer: int, packet: FusedPacket) -> Tensor:
        from qwen3tts_webui.model.codec.triton_kernels import attend

        config, state = self._decoder.config, packet.state
        half = config.head_dim // 2
        out = torch.empty(len(qkv), qkv.shape[1] // 3, device=qkv.device)
        attend[(packet.batch, config.num_heads)](
            qkv,
            transformer.frequency,
            packet.slots,
            state.position,
            state.keys[layer],
            state.values[layer],
            out,
            state.flat.stride(0),
            packet.frames,
            transformer.past,
            config.head_dim**-0.5,
            TF32=packet.tf32,
            TIMES=MIN_TILE,
            PAST=max(MIN_TILE, power_of_two(transformer.past)),
            HALF=half,
            LANES=max(MIN_TILE, power_of_two(half)),
        )
        return out

    def _upsample(self, stage: list[nn.Module], after: nn.Module, x: Tensor, packet: FusedPacket) -> Tensor:
        from qwen3tts_webui.model.codec.triton_kernels import convolve_channels

        convnext = cast("ConvNeXt", stage[1])
        depthwise, norm, state = convnext.dwconv, convnext.norm, packet.state
        layer = depthwise.context_index
        x, _ = self._convolve(stage[0], x, packet, after=depthwise)
        weight, channels = self._depthwise[depthwise], x.shape[1]
        y = torch.empty_like(x)
        convolve_channels[(len(x),)](
            x,
            state.contexts[layer],
            packet.slots,
            weight,
            cast("PlainConvolution", depthwise.conv).bias,
            norm.weight,
            norm.bias,
            y,
            state.flat.stride(0),
            packet.frames * self._per_frame[layer],
            channels,
            norm.eps,
            TAPS=weight.shape[1],
            BLOCK=power_of_two(channels),
        )
        y, _ = self._convolve(convnext.pwconv1, y, packet, Epilogue(activation="gelu"))
        return self._convolve(convnext.pwconv2, y, packet, Epilogue(residual=x), after=after)[0]

    def _block(
        self, block: list[nn.Module], end: tuple[nn.Module, nn.Module], x: Tensor, packet: FusedPacket
    ) -> Tensor:
        _, upsample, *modules = block
        units = [cast("ResidualUnit", unit) for unit in modules]
        ends = [*((unit.act1, unit.conv1) for unit in units), end]
        residual, x = self._convolve(upsample, x, packet, Epilogue(snake=ends[0][0]), after=ends[0][1])
        for unit, (snake, after) in zip(units, ends[1:], strict=True):
            _, x = self._convolve(unit.conv1, x, packet, Epilogue(snake=unit.act2, keep=False))
            epilogue = Epilogue(residual=residual, snake=snake, keep=after is not end[1])
            residual, x = self._convolve(unit.conv2, x, packet, epilogue, after=after)
        return x

    def _add(self, module: nn.Module) -> None:
        """Keep the weights of `module` as the kernels read them, if it is a product."""
        from qwen3tts_webui.model.codec.layers import CausalConv, CausalUpsample

        number = len(self._products)
        if isinstance(module, nn.Linear):
            self._products[module] = FusedConv(number, module.weight[:, None], module.bias)
        elif isinstance(module, (CausalConv, CausalUpsample)):
            conv = cast("PlainConvolution", module.conv)
            weight = conv.weight.squeeze(2)  # (outputs, inputs, taps), stored as (outputs, taps, inputs)
            if conv.groups > 1:
                self._depthwise[module] = weight[:, 0].contiguous()
                return
            weight = weight.transpose(1, 2).contiguous()
            self._products[module] = FusedConv(number, weight, conv.bias, conv.dilation, module.context_index)

    def _convolve(
        self,
        module: nn.Module,
        x: Tensor,
        packet: FusedPacket,
        epilogue: Epilogue = _NO_EPILOGUE,
        after: nn.Module | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return the output of a product and Snake of it, (rows, channels); `after` is the layer that reads the latter.

        An upsampling layer's output has `rate` times the rows and 1/`rate` of the channels.
        """
        from qwen3tts_webui.model.codec.triton_kernels import causal_conv

        product, snake = self._products[module], cast("Snake | None", epilogue.snake)
        weight, bias, context = product.weight, product.bias, product.context
        rows, (size, taps, size_in) = len(x), weight.shape
        size //= 2 if epilogue.activation == "gate" else 1
        whole = epilogue.norm is not None
        tiles = tiles_of(rows, size_in, size, taps, whole=whole)
        index = cast(int, getattr(after, "context_index", -1))
        target = x.new_empty(rows, size) if index < 0 else self._input(index, packet)
        out = target if snake is None else x.new_empty(rows, size) if epilogue.keep else x
        partial = x.new_empty(tiles.splits, rows, size) if tiles.splits > 1 else x
        grid = (-(-size // tiles.outs), -(-rows // tiles.rows), tiles.splits)
        gain = x if snake is None else snake.gain
        causal_conv[grid](
            x,
            x if context < 0 else packet.state.contexts[context],
            packet.slots,
            x if epilogue.norm is None else epilogue.norm,
            weight,
            x if bias is None else bias,
            x if epilogue.residual is None else epilogue.residual,
            x if snake is None else snake.frequency,
            gain,
            out,
            target,
            partial,
            packet.arrived[product.number * COUNTERS :],
            packet.state.flat.stride(0),
            rows,
            rows // packet.batch,
            taps,
            product.dilation,
            tiles.steps,
            size_in,
            size,
            len(gain) if snake is not None else 1,
            epilogue.eps,
            HAS_CONTEXT=context >= 0,
            HAS_NORM=epilogue.norm is not None,
            HAS_BIAS=bias is not None,
            HAS_RESIDUAL=epilogue.residual is not None,
            HAS_OUT=snake is None or epilogue.keep,
            HAS_SNAKE=snake is not None,
            ACTIVATION=epilogue.activation,
            TF32=packet.tf32,
            SPLIT=tiles.splits > 1,
            ROWS=tiles.rows,
            OUTS=tiles.outs,
            INS=tiles.ins,
            num_stages=4 if tiles.rows < 64 else 3,
        )
        channels = cast(int, getattr(module, "rate", 1))
        return out.view(-1, out.shape[1] if out is x else size // channels), target.view(-1, size // channels)

    def _advance(self, packet: FusedPacket) -> None:
        from qwen3tts_webui.model.codec.triton_kernels import advance

        state = packet.state
        advance[(packet.batch, len(self._starts), -(-max(self._channels) // _CONTEXT_BLOCK))](
            packet.inputs,
            state.flat,
            state.position,
            packet.slots,
            self._table,
            state.flat.stride(0),
            packet.batch * packet.frames,
            packet.frames,
            FRAMES=power_of_two(self._longest),
            BLOCK=_CONTEXT_BLOCK,
        )


def _context_table(decoder: CodecDecoder) -> list[tuple[int, int, int, int, int]]:
    """One row per layer with a context, as `triton_kernels.advance` reads it."""
    config, rate = decoder.config, 1
    rates = [1]
    for factor in config.upsampling_ratios:
        rate *= factor
        rates.append(rate)
    rates.append(rate)
    for factor in config.upsample_rates:
        rates.append(rate)
        rate *= factor
        rates += [rate] * 3
    rates.append(rate)
    lines, start, offset = [], 0, 0
    for per_frame, layer in zip(rates, decoder.stateful_layers(), strict=True):
        lines.append((start, per_frame, layer.channels, offset, layer.context_frames))
        start += per_frame * layer.channels
        offset += layer.context_frames * layer.channels
    return lines


def fuse_codec(decoder: CodecDecoder) -> bool:
    """Use `FusedCodec` for short packets if it works on this device; otherwise log the reason."""
    if importlib.util.find_spec("triton") is None:
        log.warning("Triton is not installed: each codec packet takes several times as many launches on the GPU")
        return False
    try:
        fused = FusedCodec(decoder)
        largest = check_codec(decoder, fused)
    except Exception as error:  # a missing compiler, an unknown GPU, different results
        log.warning("the codec is not fused and takes many launches: %s", str(error).partition("\n")[0])
        return False
    log.info("the codec is fused: relative error %.2g", largest)
    decoder.fused = fused
    return True


@torch.inference_mode()
def check_codec(decoder: CodecDecoder, fused: FusedCodec) -> float:
    """The relative error of `fused` against the layers in float32. Raises ArithmeticError where it is too large."""
    config, device = decoder.config, decoder.quantizer.tables.device
    states, slots = [decoder.new_state(3) for _ in range(2)], torch.tensor([2, 0], device=device)
    source, largest = torch.Generator().manual_seed(0), 0.0
    allowed = _MAX_RELATIVE_ERROR if fused.rounds() else 1e-4
    precision = torch.get_float32_matmul_precision()
    for frames in (1, 2, 4, MAX_FUSED_FRAMES, 1):
        codes = torch.randint(config.codebook_size, (2, config.num_quantizers, frames), generator=source).to(device)
        got = fused(codes, states[0], slots)
        torch.set_float32_matmul_precision("highest")
        try:
            with torch.backends.cudnn.flags(enabled=False):  # it would plan every shape for this check alone
                exact = decoder.decode(codes, states[1], slots)
        finally:
            torch.set_float32_matmul_precision(precision)
        error = float((got - exact).norm() / exact.norm())
        if not error <= allowed:
            raise ArithmeticError(f"a packet of {frames} frames is {error:.2%} off where {allowed:.2%} is allowed")
        largest = max(largest, error)
    return largest
