"""Policies on finite answer sets, in fp64: one pure function an equation, each cited.

A policy is probabilities ``(..., X, Y)`` of Y answers to X prompts, rewards have the same shape;
leading axes are instances, and every mean over prompts leaves ``(...)``. Prompts weigh equally
unless ``weights (..., X)`` that sum to one are given. Divergences, entropies and losses are nats
per sequence. Nothing here knows a model.
"""
