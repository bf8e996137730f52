"""The path not taken: RL turns less, leaves more weights alone, and avoids the principal ones.

RL and SFT from the same base. More training moves weights further, so that both are compared where
they have gained the same reward: nine tenths of the smaller of both largest gains, between the two
snapshots that it lies between. A weight has not changed if it moved by less than a thousandth of
itself, the paper's probe (quoted from memory). Margins, of a fiftieth and of a hundredth where
chance is a tenth, were set before looking. On grammar RL's largest changes are principal weights a
little more often than by chance: these weights are fp32 and Adam's steps alike in size, and what
bfloat16 hides is not hidden here. On arithmetic RL neither changes singular values less nor leaves
more weights alone than SFT at equal gain, for the same reason.
"""

from coupling_bench import claim
from coupling_bench.measures import spectra
from coupling_bench.requirements import reward_rises
from coupling_bench.requirements.spectra import drift_difference

SOURCE = "arXiv:2511.08567v1"
BOTH_GAIN = [reward_rises("base", "sft"), reward_rises("base", "rl")]


@claim(
    "RL turns the leading singular subspaces less than SFT at equal gain of reward",
    cites=f"{SOURCE}, reduced rotation of principal subspaces",
    decrease_by=0.02,
    unit="root mean square sine, RL minus SFT",
    requires=BOTH_GAIN,
    beside=[drift_difference("rotation", "the same at the ends of both runs")],
    undecided="the effect lies at the margin: three seeds between -0.030 and -0.017 on grammar, "
    "and between -0.029 and -0.016 on arithmetic; with another processor's bases between -0.057 "
    "and -0.036, and between -0.012 and +0.007",
)
def test_rl_turns_less_than_sft(sft, rl, prompts, decide, table):
    for stage in (sft, rl):
        table("spectra", spectra.rows(stage.node, stage.seeds, spectra.along(stage)))
    table("equal_gain", spectra.equal_gain_rows(rl, sft, prompts))
    ours, theirs = spectra.at_equal_gain(rl, sft, "rotation", prompts)
    decide(ours - theirs)


@claim(
    "RL changes singular values less than SFT at equal gain of reward",
    cites=f"{SOURCE}, minimal spectral drift",
    decrease_by=0.002,
    unit="||change of sigma|| / ||sigma||, RL minus SFT",
    requires=BOTH_GAIN,
    beside=[drift_difference("value_change", "the same at the ends of both runs")],
    undecided="the effect lies at the margin on grammar: some hundred seeds would be needed",
)
def test_rl_changes_singular_values_less_than_sft(sft, rl, prompts, decide):
    ours, theirs = spectra.at_equal_gain(rl, sft, "value_change", prompts)
    decide(ours - theirs)


@claim(
    "RL leaves more weights unchanged than SFT at equal gain of reward",
    cites=f"{SOURCE}, sparsity of updates",
    increase_by=0.02,
    unit="share of the weights, RL minus SFT",
    requires=BOTH_GAIN,
    beside=[drift_difference("unchanged", "the same at the ends of both runs")],
    undecided="the effect lies at the margin on grammar: some hundred seeds would be needed",
)
def test_rl_leaves_more_weights_unchanged_than_sft(sft, rl, prompts, decide):
    ours, theirs = spectra.at_equal_gain(rl, sft, "unchanged", prompts)
    decide(ours - theirs)


@claim(
    "The weights that RL changes most are principal ones less often than by chance",
    cites=f"{SOURCE}, overlap of updates with principal weights below random",
    decrease_by=0.01,
    unit="share of the tenth that changed most, minus a tenth",
    requires=BOTH_GAIN,
    beside=[drift_difference("principal_overlap", "of RL minus of SFT")],
    undecided="on arithmetic three seeds lie at the margin itself, between -0.012 and -0.008",
)
def test_rl_avoids_the_principal_weights(rl, decide):
    decide(spectra.mean(spectra.along(rl), "principal_overlap") - spectra.PRINCIPAL)
