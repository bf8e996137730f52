"""Example theorems and tables for the tests of the page: every number in them is invented."""

from math import exp, log
from random import Random
from typing import Any

from tests.report.example_razor import razor
from tests.report.example_record import MODEL, SEEDS, TASK, claim, example_record

NOISES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4)
SFT_STEPS = (0, 25, 50, 100, 200, 400)
Rows = list[dict[str, Any]]


def theorem(sentence: str, **changes: Any) -> dict[str, Any]:
    """One checked theorem, which holds on random policies if nothing else is said."""
    return {
        "test": "suites/theory/test_example.py::test_example", "model": None, "theorem": sentence,
        "cites": "arXiv:2601.07389v1, Lemma 1", "assumes": "full support, any reward",
        "false": False, "instances": 4000, "violations": 0, "least_slack": 3.1e-16,
        "tolerance": 1e-12, "unit": "nats", "where": "beta = 0.5", "outcome": "passed",
        "message": "HOLDS: an example",
    } | changes  # fmt: skip


def theorems() -> Rows:
    """Statements that hold, that are false, and one of each that came out otherwise."""
    false = {"false": True, "violations": 1733, "least_slack": -0.75, "where": "r = 0, p = 0.5"}
    return [
        theorem("C1(beta) is the divergence of the demonstrators from RL's optimum"),
        theorem("A total variation of d changes an expectation by at most 2 d sup |f|"),
        theorem("SFT after RL lowers the reward by a constant", cites="Theorem 4.1", **false),
        theorem("A statement whose counterexample was lost", false=True, outcome="failed"),
        theorem("The reward's change is within Pinsker's bound", model=MODEL, instances=136),
        theorem(
            "RL raises the SFT loss under the threshold", model=MODEL, instances=40, violations=2,
            least_slack=-0.013, outcome="failed", where="seed = 1, step = 40", assumes="",
        ),
        theorem("The loss is unbounded on none", model=MODEL, least_slack=None, where=""),
    ]  # fmt: skip


def predictions(noise: Random) -> dict[str, Rows]:
    """Measured policies, fixed points, demonstrators and formats."""
    policies, fixed = [], []
    for seed in SEEDS:
        for place, node in enumerate(("sft_then_rl", "sft_then_dpo", "rl", "rl_then_sft")):
            predicted = 0.2 * place + noise.uniform(0, 0.1)
            measured = predicted * noise.uniform(0.7, 1.5)
            policies.append({
                "node": node, "start": "sft" if place < 2 else "base", "seed": seed,
                "epsilon": 0.01 + 0.1 * place, "demonstrator_entropy": 0.325,
                "demonstrator_reward": 0.8, "reward": 0.9 + 0.02 * place, "reward_variance": 0.36,
                "max_reward_share": 0.9, "forward_kl": measured + 0.01, "reverse_kl": measured / 2,
                "loss_change": measured, "reward_change": 0.1, "effective_beta": 0.4,
                "predicted_loss_change": predicted, "ratio": measured / max(predicted, 1e-9),
            })  # fmt: skip
        for scaled in ("none", "group"):
            for beta in (0.5, 1.0, 2.0):
                predicted = 0.4 / beta**2
                off = 0.002 if scaled == "none" else 0.5 / beta
                fixed.append({
                    "node": f"fixed_{scaled}_{beta}", "scale_rewards": scaled, "beta": beta,
                    "seed": seed, "kl_to_tilted": off, "predicted": predicted,
                    "loss_change": predicted + off * noise.uniform(0.5, 1), "reward": 0.9,
                    "tilted_reward": 0.89,
                })  # fmt: skip
    return {
        "policies": policies,
        "bounds": [
            {"bound": bound, "node": node, "seed": seed, "pairs": 136,
             "least_slack": noise.uniform(0, 0.2), "at": f"steps 0 and {100 * seed}"}
            for bound in ("Proposition 1", "D6") for node in ("sft", "sft_then_rl")
            for seed in SEEDS
        ],
        "fixed_points": fixed,
        "stopping": [
            {"node": "stopping", "seed": seed, "step": step, "reward": 0.8 + 0.19 * share,
             "loss_change": 0.5 * share**2 + 0.02 * seed}
            for seed in SEEDS for step in range(0, 401, 40) for share in [1 - exp(-step / 90)]
        ],
        "at_equal_reward": [
            {"node": "stopping", "seed": seed, "reward": reward, "loss_change": reward - 0.7}
            for seed in SEEDS for reward in (0.8, 0.9)
        ],
        "demonstrators": [
            {"arm": arm, "pipeline": pipeline, "seed": seed, "demonstrator_reward": reward,
             "epsilon": 0.01, "loss_change": sign * 0.2 + noise.gauss(0, 0.02),
             "reward_change": -sign * 0.1 + noise.gauss(0, 0.01), "predicted_sign": sign}
            for arm, reward, sign in (("worse", 0.6, 1), ("equal", 0.95, 0), ("gold", 1.0, -1))
            for pipeline in ("sft_then_rl", "rl_then_sft") for seed in SEEDS
        ],
        "formats": [
            {"node": node, "seed": seed, "loss": label + form, "label_part": label,
             "form_part": form, "strict_reward": strict, "robust_reward": 0.8}
            for node, label, form, strict in (("sft", 0.3, 0.1, -0.9), ("sft_then_rl", 0.2, 3, 0.9))
            for seed in SEEDS
        ],
    }  # fmt: skip


def controls(noise: Random) -> dict[str, Rows]:
    """RL and its controls, and what the label prior explains of each effect."""
    arms = {"rl": 0.4, "zero_learning_rate": 0.0, "more_sft": -0.01, "same_norm": 0.02,
            "same_kl": 0.1, "shuffled_reward": 0.05}  # fmt: skip
    return {
        "controls": [
            {"control": arm, "seed": seed, "loss_change": effect + noise.gauss(0, effect / 20),
             "reward_change": effect / 4, "distance": 1.2, "kl": effect,
             "excess_loss": 0.4 - effect}
            for arm, effect in arms.items() for seed in SEEDS
        ],
        "defects": [
            {"stage": "sft_then_rl_with_a_flipped_reward", "outcome": "failed",
             "claim": "RL raises",
             "verdict": "refuted", "effect": -0.2, "unit": "nats/sequence", "message": "REFUTED"},
        ],
        "prior": [
            {"effect": effect, "seed": seed, "whole": whole, "prior_part": prior,
             "rest": whole - prior}
            for effect, whole, prior in (("RL after SFT, loss", 0.4, 0.05),
                                         ("SFT after RL, reward", -0.15, -0.02))
            for seed in SEEDS
        ],
    }  # fmt: skip


def maps(noise: Random) -> dict[str, Rows]:
    """The map of both orders over label noise, SFT's steps, RL's budget and size."""
    there, back = [], []
    for size in ("tiny", "small", "large"):
        for label_noise in NOISES:
            demonstrators = 1 - 2 * label_noise
            for step in SFT_STEPS:
                epsilon = 0.5 * exp(-step / 60) + 0.005
                for seed in SEEDS[:2]:
                    shared = {
                        "size": size, "label_noise": label_noise, "sft_step": step, "seed": seed,
                        "demonstrator_reward": demonstrators,
                        "reward_before": demonstrators * (1 - epsilon),
                    }  # fmt: skip
                    for budget in (20, 80, 320):
                        reward = 1 - 0.3 * exp(-budget / 80)
                        bound = (reward - demonstrators) ** 2 / 2
                        kl = bound + 0.02 + 0.1 * label_noise + noise.uniform(0, 0.02)
                        change = kl - epsilon
                        there.append({
                            **shared, "rl_step": budget, "trainer": "exact", "beta": 0.1,
                            "epsilon": epsilon, "reward": reward, "loss_change": change,
                            "kl_demonstrators_rl": kl, "lower_bound": bound,
                            "must_rise": epsilon < bound, "measured_sign": sign(change),
                            "predicted_sign": sign(change + noise.gauss(0, 0.01)),
                        })  # fmt: skip
                    change = demonstrators - 0.85 + noise.gauss(0, 0.02)
                    back.append({
                        **shared, "reward_before": 0.85, "reward": 0.85 + change,
                        "reward_change": change, "predicted_sign": sign(demonstrators - 0.85),
                        "measured_sign": sign(change),
                    })  # fmt: skip
    thresholds = [
        {"pipeline": pipeline, "size": size, "unit": unit, "crossing": at + shift,
         "label_noise": 0.1, "low": at + shift - 0.03, "high": at + shift + 0.04, "predicted": at}
        for pipeline, unit, at in (("sft_then_rl", "nats/sequence", 0.12),
                                   ("rl_then_sft", "label noise", 0.075))
        for size, shift in (("tiny", 0.01), ("small", 0.0), ("large", -0.02))
    ]  # fmt: skip
    return {"map_sft_then_rl": there, "map_rl_then_sft": back, "thresholds": thresholds}


def sign(value: float) -> int:
    """-1, 0 or 1."""
    return (value > 0) - (value < 0)


def landscape(noise: Random) -> dict[str, Rows]:
    """The four derived results on the landscape."""
    second, slopes, pareto, spectrum, alignment = [], [], [], [], []
    for seed in SEEDS:
        for step in range(20, 401, 20):
            distance = step / 200
            change = 0.3 * distance**2 * noise.uniform(0.8, 1.1)
            second.append({
                "seed": seed, "step": step, "distance": distance, "loss_change": change,
                "second_order": 0.3 * distance**2, "lower": change / 3, "upper": 0.5 * distance**2,
            })  # fmt: skip
            for run, speed in (("sft_then_rl", 90), ("sft_then_rl_long", 200)):
                share = 1 - exp(-step / speed)
                pareto.append({
                    "run": run, "seed": seed, "step": step, "reward_gain": 0.2 * share,
                    "loss_change": 0.4 * (step / 400) ** 2 * (1 + 0.1 * seed),
                })  # fmt: skip
        for arm, power in (("stochastic", 1.0), ("one_hot", 2.0)):
            for step in range(12):
                gap = 0.6**step
                slopes.append({
                    "arm": arm, "seed": seed, "step": step, "squared_gradient": 0.4 * gap**power,
                    "sub_optimality": gap, "slope": power + noise.gauss(0, 0.03),
                })  # fmt: skip
        for step in (0, 100, 400):
            spectrum += [
                {"seed": seed, "step": step, "rank": rank, "eigenvalue": exp(-step / 200) / rank**2}
                for rank in range(1, 65)
            ]
            for k in (1, 5, 10, 50):
                share = 1 - exp(-k / 8)
                alignment.append({
                    "seed": seed, "sft_step": step, "k": k, "cosine": 0.3 - step / 1000,
                    "corrected_cosine": 0.4 - step / 900, "grpo_cosine": 0.2 - step / 1200,
                    "rho_loss": share, "rho_reward": share * 0.8, "rho_random": k / 5000,
                    "low": 0.3 - step / 1000 - (1 - share), "high": 0.3 - step / 1000 + 1 - share,
                })  # fmt: skip
    return {
        "second_order": second, "pl_slopes": slopes, "pareto": pareto, "spectrum": spectrum,
        "alignment": alignment,
        "duration": [
            {"run": run, "seed": seed, "weight": weight, "predicted": 150 / weight + 9 * seed,
             "observed": 140 / weight, "quadratic": 30 / weight, "last": 400}
            for run in ("sft_then_rl", "sft_then_rl_long") for seed in SEEDS
            for weight in (0.5, 1.0, 2.0)
        ],
        "epsilon_crossings": [
            {"of": of, "seed": seed, "rl_step": step, "epsilon": scale * step**1.6 / 1e4,
             "distance": step / 40}
            for of, scale in (("loss_change", 1.0), ("second_order", 1.3)) for seed in SEEDS
            for step in (10, 20, 40, 80)
        ],
        "epsilon_crossing_slope": [{"slope": 1.6, "low": 1.4, "high": 1.8}],
        "damage": [
            {"seed": seed, "sft_step": sft_step, "rl_step": rl_step, "k": k, "rho": 0.1 * k,
             "damage": move, "low": move / 2, "high": move * 2, "predictor": move * k / 10,
             "loss_change": move - 0.01 * (sft_step == 0), "inside": True}
            for seed in SEEDS for sft_step in (0, 200) for rl_step in (10, 40, 160) for k in (1, 10)
            for move in [1e-5 * rl_step**2]
        ],
        "damage_rank_correlation": [
            {"seed": seed, "all_starts": 0.8, "from_the_end_of_sft": 0.9 + seed / 100}
            for seed in SEEDS
        ],
        "non_decoupling": [
            {"seed": seed, "sft_step": sft_step, "rl_step": rl_step, "epsilon": epsilon,
             "distance": rl_step / 100, "loss_change": change,
             "guaranteed": sign(change) if abs(change) > 0.1 else 0, "d6": change > 0.15}
            for seed in SEEDS for sft_step in SFT_STEPS for rl_step in (10, 40, 160, 640)
            for epsilon in [0.5 * exp(-sft_step / 80)]
            for change in [0.05 * log(rl_step) - epsilon + 0.01 * seed]
        ],
    }  # fmt: skip


def neighbours(noise: Random) -> dict[str, Rows]:
    """A long SFT that peaks out of domain, and RL from moments of it."""
    peak, steps = 32, (0, 16, 32, 64, 128)
    return {
        "healing": [
            {"seed": seed, "step": step, "accuracy": 0.8 - abs(step - peak) / 900 + shift,
             "judged": 0.85 + shift, "accuracy_longer": 0.3,
             "accuracy_in_domain": 0.9 - exp(-step / 40) / 5,
             "loss": 0.4 + exp(-step / 40), "loss_out_of_domain": 0.5 + abs(step - peak) / 500,
             "peak": step == peak, "least_loss": step == steps[-1]}
            for seed in SEEDS for step in steps for shift in [noise.gauss(0, 0.005)]
        ],
        "restored": [
            {"stage": stage, "seed": seed, "peak": 0.8, "end_of_sft": 0.7, "after": 0.7 + gain,
             "recovery": 10 * gain}
            for stage, gain in (("long_sft_then_rl", 0.06), ("long_sft_then_sft", 0.0))
            for seed in SEEDS
        ],
        "window": [
            {"stage": f"long_sft_{step}_then_rl", "seed": seed, "sft_step": step, "start": 0.75,
             "gain": gain, "reward_change": 0.2, "positive_share": 0.8, "advantage_entropy": 2.1}
            for step, gain in ((0, 0.01), (32, 0.05), (128, 0.02)) for seed in SEEDS
        ],
        **spectra(),
    }  # fmt: skip


def spectra() -> dict[str, Rows]:
    """How singular values and subspaces change, and what edited weights do."""
    return {
        "spectra": [
            {"stage": stage, "seed": seed, "matrices": 8, "norm": 0.2, "value_change": 0.01,
             "rotation": turn, "matched_rotation": 0.1, "random_rotation": 0.9, "unchanged": 0.02,
             "value_share": 0.05, "random_value_share": 0.01, "gap": 0.01, "wedin_speaks": 0.5}
            for stage, turn in (("long_sft", 0.3), ("sft", 0.25), ("rl", 0.2)) for seed in SEEDS
        ],
        "edits": [
            {"edit": edit, "of": "long_sft, out of domain", "seed": seed, "change": change,
             "norm": 1.5}
            for edit, change in (("long_sft_with_best_vectors", 0.05),
                                 ("long_sft_with_best_values", 0.0)) for seed in SEEDS
        ],
        "equal_gain": [
            {"stage": stage, "seed": seed, "rotation": 0.2, "value_change": 0.01,
             "unchanged": 0.03, "principal_overlap": 0.11, "norm": 0.1}
            for stage in ("rl", "sft") for seed in SEEDS
        ],
    }  # fmt: skip


def schedules() -> dict[str, Rows]:
    """Two orders, a schedule on their front and one behind it; what RL loses at equal reward."""
    ends = {
        "short_sft_then_rl": (0.48, 0.97), "short_rl_then_sft": (0.34, 0.77),
        "joint": (0.38, 0.92), "sft:20,grpo:10": (0.5, 0.7),
    }  # fmt: skip
    return {
        "schedules": [
            {"schedule": name, "step": 140 * share, "end": share == 1, "loss": level,
             "loss_low": level - 0.01, "loss_high": level + 0.01, "reward": earned,
             "reward_low": earned - 0.02, "reward_high": earned + 0.02, "seeds": len(SEEDS),
             "demonstrations": 3200, "completions": 20480, "optimizer_steps": 140,
             "on_front": share == 1 and name != "sft:20,grpo:10"}
            for name, (loss, reward) in ends.items() for share in (0, 0.5, 1)
            for level in [0.4 + share * (loss - 0.4)] for earned in [0.65 + share * (reward - 0.65)]
        ],
        "equal_reward": [
            {"schedule": "sft_then_rl_with_replay", "against": "short_sft_then_rl", "seed": seed,
             "reward": 0.95, "loss_difference": -0.03 + seed / 100}
            for seed in SEEDS
        ],
    }  # fmt: skip


def tables() -> dict[str, Rows]:
    """All tables that the page draws, and one that it does not know."""
    noise = Random(11)
    found = predictions(noise) | maps(noise) | controls(noise) | landscape(noise)
    found |= neighbours(noise) | schedules() | razor(noise)
    known = {
        name: [{"model": MODEL, "task": TASK, **row} for row in rows]
        for name, rows in found.items()
    }
    return known | {"own_table": [{"what": "mine", "how_much": 1.5, "so": True, "unknown": None}]}


def many_claims() -> Rows:
    """Claims of several folders."""
    folders = ("", "controls/", "demonstrators/", "landscape/", "map/")
    verdicts = ("supported", "refuted", "inconclusive", "not applicable")
    return [
        claim(
            f"Example {place + 1} of {folder or 'the two orders'} raises the SFT loss",
            verdicts[(place * 3) % 4 if place % 2 else 0], 0.1 * (place - 1),
            test=f"suites/{folder}test_{place}.py::test_{place}[example]",
        )
        for folder in folders for place in range(4)
    ]  # fmt: skip


def example_theory() -> dict[str, Any]:
    """The example record with theorems, tables and claims of several folders."""
    record = example_record()
    record["claims"] += many_claims()
    return record | {"theorems": theorems(), "tables": tables()}
