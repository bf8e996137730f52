"""H6: the best checkpoint's singular vectors, put into the end of SFT, restore what it forgot.

As singular values hardly change, such a restoration is nearly a return to the best checkpoint
itself. That the vectors restore says little; what tells them apart is whether they do more than the
same matrices put back as a whole, than as long a random change, and whether a few leading ones do
more than single weights put back as far. The best checkpoint is chosen on the items in even places;
all is scored on the others. A hundredth of accuracy is the margin throughout, as of H1 to H4.

On grammar a fifth of the vectors moves the weights further than all of them, and further than the
best checkpoint lies away: columns of two bases are not orthonormal, and pairs of close singular
values change places. Single weights cannot go as far there, and all of them are put back. Three
seeds do not tell there what SFT forgot from nothing. On five the vectors restore 0.044 of accuracy,
half of what was lost, and the whole matrices 0.046: the restoration is a return to the checkpoint.
"""

import pytest

from coupling_bench import claim
from coupling_bench.measures import healing, spectra
from coupling_bench.requirements.healing import forgets, share_restored
from coupling_bench.requirements.spectra import length_of_edit

SOURCE = "arXiv:2509.12235, restoring singular vectors (H6)"
CONTROL = "no claim of the paper: a control of its intervention (H6)"


@pytest.fixture
def restored(long_sft, table):
    """The accuracy out of domain that an edit of the long SFT's end restores, by seed."""

    def restored(edit):
        found = healing.restored(edit, long_sft)
        table("edits", spectra.edit_rows(edit, found, "long_sft, out of domain"))
        return found

    return restored


@claim(
    "The singular vectors of SFT's best checkpoint, put into its end, restore what SFT forgot",
    cites=SOURCE,
    increase_by=0.01,
    unit="accuracy out of domain",
    requires=[forgets()],
    beside=[
        share_restored("long_sft_with_best_vectors"),
        length_of_edit("long_sft_with_best_vectors"),
    ],
)
def test_singular_vectors_restore(long_sft_with_best_vectors, restored, decide):
    decide(restored(long_sft_with_best_vectors))


@claim(
    "Singular vectors restore more of what SFT forgot than singular values do",
    cites=SOURCE,
    increase_by=0.01,
    unit="accuracy out of domain, difference",
    requires=[forgets()],
    beside=[length_of_edit("long_sft_with_best_values")],
)
def test_singular_vectors_restore_more_than_values(
    long_sft_with_best_vectors, long_sft_with_best_values, restored, decide
):
    decide(restored(long_sft_with_best_vectors) - restored(long_sft_with_best_values))


@claim(
    "Singular vectors restore neither more nor less than the same matrices put back as a whole",
    cites=CONTROL,
    equal_within=0.01,
    unit="accuracy out of domain, difference",
    requires=[forgets()],
    beside=[length_of_edit("long_sft_with_best_matrices")],
)
def test_singular_vectors_restore_what_whole_matrices_restore(
    long_sft_with_best_vectors, long_sft_with_best_matrices, restored, decide
):
    decide(restored(long_sft_with_best_vectors) - restored(long_sft_with_best_matrices))


@claim(
    "Singular vectors restore more of what SFT forgot than a random change of the same norm",
    cites=CONTROL,
    increase_by=0.01,
    unit="accuracy out of domain, difference",
    requires=[forgets()],
    beside=[length_of_edit("long_sft_with_random_change")],
)
def test_singular_vectors_restore_more_than_a_random_change(
    long_sft_with_best_vectors, long_sft_with_random_change, restored, decide
):
    decide(restored(long_sft_with_best_vectors) - restored(long_sft_with_random_change))


@claim(
    "The leading fifth of the singular vectors restores more of what SFT forgot than single "
    "weights drawn at random and put back as far",
    cites=f"{CONTROL}; that a fifth is enough is arXiv:2508.16546's",
    increase_by=0.01,
    unit="accuracy out of domain, difference",
    requires=[forgets()],
    beside=[
        share_restored("long_sft_with_leading_vectors"),
        length_of_edit("long_sft_with_leading_vectors"),
        length_of_edit("long_sft_with_some_entries"),
    ],
)
def test_leading_singular_vectors_restore_more_than_single_weights(
    long_sft_with_leading_vectors, long_sft_with_some_entries, restored, decide
):
    decide(restored(long_sft_with_leading_vectors) - restored(long_sft_with_some_entries))
