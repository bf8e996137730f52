"""What the shape of the SFT loss around a checkpoint says of RL that starts there.

The abstract of arXiv:2601.07389v2 announces four results under the Polyak-Lojasiewicz (PL)
inequality; its text is not at hand. What stands here are derived forms of them: ``change`` (RL
raises the SFT loss), ``duration`` (how long RL should run), ``threshold`` (when RL can lower the
loss) and ``alignment`` (what a concentrated spectrum says of the angle between the gradients).
``instances`` draws losses on which they are tried.

g_L, H_L and g_J, H_J are gradient and Hessian of the SFT loss L and of the expected reward J at the
checkpoint that RL starts from, Delta is how far RL moved the weights, s = ||Delta||, and
epsilon = L - L* is the checkpoint's sub-optimality. L is M-smooth and mu-PL,
||grad L||^2 >= 2 mu (L - L*), where that is said. Losses are nats per sequence, distances are of
weights. Functions take numbers or arrays of them, one an instance.
"""
