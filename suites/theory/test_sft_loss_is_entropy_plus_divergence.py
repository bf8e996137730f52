"""The SFT loss is the demonstrators' entropy and the divergence from them: Gibbs' inequality."""

from coupling_bench import theorem
from coupling_bench.theorems import agreement
from coupling_bench.theory.policies import cross_entropy, entropy, kl

IDENTITY = "the identity behind arXiv:2601.07389v1, Theorem 3.1; its Lemma 1 is not at hand"
ROUNDING = 1e-12


@theorem("L(p) = H(p_D) + E KL(p_D || p)", cites=IDENTITY)
def test_the_sft_loss_is_entropy_plus_divergence(over, check):
    def slack(w):
        pairs = [(w.demonstrators, w.first), (w.second, w.first), (w.first, w.second)]
        return [
            agreement(cross_entropy(d, p, w.weights), entropy(d, w.weights) + kl(d, p, w.weights))
            for d, p in pairs
        ]

    check(over(slack), tolerance=ROUNDING, unit="nats, relative")


@theorem("no policy has a lower SFT loss than the demonstrators' own", cites=IDENTITY)
def test_no_policy_has_a_lower_sft_loss_than_the_demonstrators_own(over, check):
    def slack(w):
        least = cross_entropy(w.demonstrators, w.demonstrators, w.weights)
        return [cross_entropy(w.demonstrators, p, w.weights) - least for p in (w.first, w.second)]

    check(over(slack), tolerance=ROUNDING, unit="nats/sequence")
