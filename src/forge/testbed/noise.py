"""A tiny language model of noise, as a folder that MLX serves.

Its shape is Llama's and its numbers are random, so what it writes means nothing: it
stands for a model where none can be had, and everything around it is real. The same
seed gives the same bytes on every machine.

Source of the layout: the safetensors format (length of the header, header in JSON,
tensors), Hugging Face's config.json and tokenizer.json.
"""

import json
import random
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

SEED: Final = 20261123
HIDDEN: Final = 128  # numbers that stand for one token
LAYERS: Final = 4
HEADS: Final = 4
INNER: Final = 384  # numbers inside a layer's feed-forward part
CONTEXT: Final = 4096  # tokens
SPECIAL: Final = ("<|begin|>", "<|end|>")
VOCABULARY: Final = 256 + len(SPECIAL)  # one token a byte, and the special ones
_TEMPLATE: Final = (
    "{% for message in messages %}{{ message.role }}: {{ message.content }}\n"
    "{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
)


def write(folder: Path) -> None:
    """Write the model into an existing, empty folder."""
    (folder / "config.json").write_text(_json(_config()))
    (folder / "tokenizer.json").write_text(_json(_tokenizer()))
    (folder / "tokenizer_config.json").write_text(_json(_tokenizer_config()))
    (folder / "model.safetensors").write_bytes(_weights())


def _config() -> dict[str, object]:
    return {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "hidden_size": HIDDEN,
        "num_hidden_layers": LAYERS,
        "intermediate_size": INNER,
        "num_attention_heads": HEADS,
        "num_key_value_heads": HEADS,
        "head_dim": HIDDEN // HEADS,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "vocab_size": VOCABULARY,
        "max_position_embeddings": CONTEXT,
        "tie_word_embeddings": False,
        "bos_token_id": VOCABULARY - 2,
        "eos_token_id": VOCABULARY - 1,
        "torch_dtype": "float16",
    }


def _tokenizer_config() -> dict[str, object]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": SPECIAL[0],
        "eos_token": SPECIAL[1],
        "model_max_length": CONTEXT,
        "clean_up_tokenization_spaces": False,
        "chat_template": _TEMPLATE,
    }


def _tokenizer() -> dict[str, object]:
    tokens = [*_symbols(), *SPECIAL]
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": tokens.index(token),
                "content": token,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for token in SPECIAL
        ],
        "normalizer": None,
        "pre_tokenizer": {**level, "use_regex": True},
        "post_processor": None,
        "decoder": {**level, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "vocab": {token: number for number, token in enumerate(tokens)},
            "merges": [],
        },
    }


def _symbols() -> list[str]:
    """The character that stands for each byte in a byte-level vocabulary.

    Source: GPT-2's encoder: printable bytes are themselves, the others come after 255.
    """
    shown = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    free = iter(range(0x100, 0x200))
    return [chr(byte if byte in shown else next(free)) for byte in range(0x100)]


def _shapes() -> Iterator[tuple[str, tuple[int, ...]]]:
    square, wide, narrow = (HIDDEN, HIDDEN), (INNER, HIDDEN), (HIDDEN, INNER)
    yield "lm_head.weight", (VOCABULARY, HIDDEN)
    yield "model.embed_tokens.weight", (VOCABULARY, HIDDEN)
    for layer in range(LAYERS):
        base = f"model.layers.{layer}"
        yield f"{base}.input_layernorm.weight", (HIDDEN,)
        yield f"{base}.mlp.down_proj.weight", narrow
        yield f"{base}.mlp.gate_proj.weight", wide
        yield f"{base}.mlp.up_proj.weight", wide
        yield f"{base}.post_attention_layernorm.weight", (HIDDEN,)
        for part in "koqv":
            yield f"{base}.self_attn.{part}_proj.weight", square
    yield "model.norm.weight", (HIDDEN,)


def _weights() -> bytes:
    chance = random.Random(SEED)  # noqa: S311 - noise, not a secret
    header: dict[str, object] = {"__metadata__": {"format": "mlx"}}
    body = bytearray()
    for name, shape in _shapes():
        start = len(body)
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        if len(shape) == 1:  # a norm's scale
            numbers = [1.0] * count
        else:
            bound = (3 / shape[1]) ** 0.5  # of the same variance at every layer
            numbers = [chance.uniform(-bound, bound) for _ in range(count)]
        body += struct.pack(f"<{count}e", *numbers)
        offsets = [start, len(body)]
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": offsets}
    text = json.dumps(header, sort_keys=True).encode()
    text += b" " * (-len(text) % 8)  # tensors are aligned
    return struct.pack("<Q", len(text)) + text + body


def _json(value: object) -> str:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=True) + "\n"
