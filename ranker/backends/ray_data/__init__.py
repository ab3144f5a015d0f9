"""Many machines: the same stages, with the encoder and a language-model judge spread over Ray Data actor pools.

The pipeline stays the one story, in the driver: keys, reuse, order and accounting are the same code. See the README
beside this file for how to run it on a cluster.
"""
