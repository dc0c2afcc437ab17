"""The inference proxy: the only way to a model, and every request judged before it.

    client -> strict reading -> proposal `model_generate` to the gate -> engine
           <- answer, its tool calls judged <- outcome recorded <-

It has no rights of its own: it proposes with the token of the agent that asks.
"""
