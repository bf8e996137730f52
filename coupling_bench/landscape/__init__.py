"""The landscape of SFT loss and expected reward around a checkpoint, measured without noise.

``surface`` gives values, gradients and products with Hessians of a model on a flow's prompts,
``spectra`` takes curvatures apart, ``observing`` writes what a ``LandscapeSpec`` asks for, and
``reading`` reads it back with numpy alone. Everything is fp64, answers are summed over and not
sampled, and gradients are flat vectors of all weights, in the model's order of parameters.
"""
