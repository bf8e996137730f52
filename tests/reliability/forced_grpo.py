"""Run by torchrun from test_devices: trains GRPO on given completions; the first process saves."""

import sys
from pathlib import Path

from coupling_bench.stages import grpo
from coupling_bench.stages.training import quiet_libraries
from tests.devices import GRPO

ANSWERS = ("acceptable", "unacceptable", "the", "acceptable acceptable")


def main(start: Path, output: Path) -> None:
    """Give each completion by its prompt and its place in the group, whoever is to sample it."""
    quiet_libraries()
    trainer = grpo.build(GRPO, start, output / "trainer", [])
    tokenizer, end = trainer.processing_class, trainer.processing_class.eos_token_id
    answers = [[*tokenizer(text)["input_ids"][:2], end] for text in ANSWERS]

    def given(prompt_ids, *_):
        first = trainer.accelerator.process_index * len(prompt_ids)
        places = [(first + row) % GRPO.num_generations for row in range(len(prompt_ids))]
        return [
            answers[(sum(ids) + place * (1 + sum(ids) % 3)) % len(answers)]
            for ids, place in zip(prompt_ids, places, strict=True)
        ], None

    trainer._generate_single_turn = given
    trainer.train()
    if trainer.accelerator.is_main_process:
        trainer.model.save_pretrained(output)
        rewards = [entry["reward"] for entry in trainer.state.log_history if "reward" in entry]
        (output / "rewards.txt").write_text("\n".join(map(str, rewards)))


main(Path(sys.argv[1]), Path(sys.argv[2]))
