"""Every lemma that is not slow: proved, its premises satisfiable, its seeded bug found."""

import pytest

from tests.formal import lemmas
from tests.formal.proof import LEMMAS, Lemma, judge

CASES = [
    pytest.param(lemma, marks=pytest.mark.skip(reason="slow: `make prove`") if lemma.slow else ())
    for lemma in LEMMAS
]


def test_every_file_of_lemmas_is_read():
    written = {lemma.build.__module__.rpartition(".")[2] for lemma in LEMMAS}
    assert written == set(lemmas.__all__)
    assert len({lemma.name for lemma in LEMMAS}) == len(LEMMAS)


@pytest.mark.parametrize("lemma", CASES, ids=lambda lemma: lemma.name)
def test_a_lemma_holds_and_can_fail(lemma: Lemma):
    assert lemma.claim
    verdict = judge(lemma)
    assert verdict.proved, verdict.notes
    assert verdict.satisfiable, verdict.notes
    assert verdict.bug_found, verdict.notes
