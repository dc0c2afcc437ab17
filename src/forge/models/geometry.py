"""The shape of a model's attention, from which its cache of keys and values follows."""

import msgspec

from forge.errors import InputError

F16, F32 = 2, 4  # bytes of one number


class GeometryError(InputError):
    """A model's file does not say what its cache of keys and values takes."""


class Geometry(msgspec.Struct, frozen=True, kw_only=True):
    """What a model's file says of its attention.

    Attributes:
        architecture: The model's family, as its file names it.
        kv_heads: Heads of keys and values of each layer.
        key_length: Numbers in one head's key.
        value_length: Numbers in one head's value.
        number_bytes: Bytes of a cached number.
        context: Longest context that the model was trained for, 0 if not said.
    """

    architecture: str
    kv_heads: tuple[int, ...]
    key_length: int
    value_length: int
    number_bytes: int
    context: int

    @property
    def kv_bytes_per_token(self) -> int:
        """Bytes that one token takes in the cache.

        For layers with a sliding window this is more than they keep: an upper bound.
        """
        return (
            sum(self.kv_heads)
            * (self.key_length + self.value_length)
            * self.number_bytes
        )
