"""ClawLaw: the gate that judges every action an agent proposes."""

__version__ = "0.1.0"
