"""The phenomena of the embedded grammar: each draws acceptable sentences and minimal violations.

A violation uses the same words and shapes as its acceptable twin, so that the label follows from
structure (which noun a verb agrees with, whether a gap is filled, what "no" has scope over), and
neither a sentence's length nor any single word gives it away. A new phenomenon is one function
and one entry in ``PHENOMENA``.

The lexicon is chosen as much for what it leaves out as for what it holds. Verbs either always
or never take an object. No plural noun is a common verb ("this dogs the boy" is a sentence), nor
a game animal (hunters say "two lion"), and "can" and "will", which are nouns too, stay out.
Nouns and adjectives go with "a", and "that" only opens relative clauses ("that cats sleep").
"""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

Phenomenon = Callable[[random.Random, bool], str]
"""Draws the text of one sentence: acceptable if the flag is true, else a minimal violation."""


class _Verb(NamedTuple):
    base: str
    third: str
    participle: str
    progressive: str


_Noun = tuple[str, ...]  # Singular and plural, so that `noun[plural]` is the form.


def _forms(table: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(entry.split("/")) for entry in table.split())


_MALE = _forms("boy/boys king/kings")
_FEMALE = _forms("girl/girls queen/queens")
_HUMANS = (
    *_MALE,
    *_FEMALE,
    *_forms("child/children teacher/teachers"),
)
_ANIMATES = _HUMANS + _forms("cat/cats goat/goats")
_LANDMARKS = _ANIMATES + _forms("gate/gates tree/trees")
_TRANSITIVES = tuple(
    _Verb(*forms)
    for forms in _forms("""
        admire/admires/admired/admiring confront/confronts/confronted/confronting
        greet/greets/greeted/greeting
        ignore/ignores/ignored/ignoring
        thank/thanks/thanked/thanking
    """)
)
_INTRANSITIVES = tuple(
    _Verb(*forms)
    for forms in _forms("""
        arrive/arrives/arrived/arriving giggle/giggles/giggled/giggling
        laugh/laughs/laughed/laughing sleep/sleeps/slept/sleeping
        smile/smiles/smiled/smiling
    """)
)
# Lasting traits only: a passing state may follow its noun ("greets the king hungry").
_ADJECTIVES = ("clever", "famous", "polite", "small", "tall")
_TIMES = ("today", "tonight", "now", "often", "again")
_ADVERBS = (*_TIMES, "here", "outside", "indoors")
_PREPOSITIONS = ("near", "behind", "beside")
_SINGULAR_DETERMINERS = ("a", "each", "every", "this")
_PLURAL_DETERMINERS = ("many", "several", "these", "two")
_MODALS = ("could", "must", "should", "would")
_OBJECT_QUESTIONS = ("who", "whom")
_ADJUNCT_QUESTIONS = ("where", "why")  # No "when": it sits badly with a present perfect.


def _say(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def _coin(rng: random.Random) -> bool:
    return rng.random() < 0.5


def _maybe(rng: random.Random, options: Sequence[str], chance: float = 0.5) -> str:
    return rng.choice(options) if rng.random() < chance else ""


def _present(rng: random.Random, verbs: Sequence[_Verb], *, plural: bool) -> str:
    verb = rng.choice(verbs)
    return verb.base if plural else verb.third


def _noun_phrase(
    rng: random.Random,
    *,
    plural: bool,
    determiner: str = "the",
    nouns: Sequence[_Noun] = _ANIMATES,
) -> str:
    adjective = _maybe(rng, _ADJECTIVES, chance=0.3)
    return _say(determiner, adjective, rng.choice(nouns)[plural])


def _any_noun_phrase(rng: random.Random) -> str:
    return _noun_phrase(rng, plural=_coin(rng))


def _prepositional(rng: random.Random) -> str:
    return _say(rng.choice(_PREPOSITIONS), "the", rng.choice(_LANDMARKS)[_coin(rng)])


def _question_subject(rng: random.Random, *, plural: bool) -> str:
    """Put an adjective before the noun or a phrase after it, not both: questions are long."""
    noun = rng.choice(_HUMANS)[plural]
    if _coin(rng):
        return _say("the", noun, _prepositional(rng))
    return _say("the", _maybe(rng, _ADJECTIVES), noun)


def _relative_clause(rng: random.Random, *, plural: bool) -> str:
    """Modify a human head of this number, either as subject or as object of the clause."""
    other_plural = _coin(rng)
    other = _say("the", rng.choice(_ANIMATES)[other_plural])
    opener = rng.choice(("that", "who"))
    if _coin(rng):
        return _say(opener, _present(rng, _TRANSITIVES, plural=plural), other)
    return _say(opener, other, _present(rng, _TRANSITIVES, plural=other_plural))


def _modifier(rng: random.Random, *, plural: bool) -> str:
    kind = rng.randrange(3)
    if kind == 0:
        return ""
    return _prepositional(rng) if kind == 1 else _relative_clause(rng, plural=plural)


def _short_predicate(rng: random.Random, *, plural: bool) -> str:
    if _coin(rng):
        return _say("are" if plural else "is", rng.choice(_ADJECTIVES))
    return _say(_present(rng, _INTRANSITIVES, plural=plural), rng.choice(_ADVERBS))


def _predicate(rng: random.Random, *, plural: bool) -> str:
    if _coin(rng):
        return _short_predicate(rng, plural=plural)
    return _say(_present(rng, _TRANSITIVES, plural=plural), _any_noun_phrase(rng))


def _auxiliary(rng: random.Random, verb: _Verb, *, plural: bool) -> tuple[str, str]:
    """Draw an auxiliary and the form of the verb that it asks for."""
    modal = rng.choice(_MODALS), verb.base
    perfect = "have" if plural else "has", verb.participle
    progressive = "are" if plural else "is", verb.progressive
    return rng.choice((modal, perfect, progressive))


def _agreement_across_phrase(rng: random.Random, acceptable: bool) -> str:
    """Good: the boy near the cats is tall. Bad: the boy near the cats are tall."""
    plural = _coin(rng)
    phrase = _prepositional(rng) if rng.random() < 0.7 else ""
    predicate = _predicate(rng, plural=plural == acceptable)
    return _say(_noun_phrase(rng, plural=plural), phrase, predicate, ".")


def _agreement_across_relative(rng: random.Random, acceptable: bool) -> str:
    """Good: the boy that the cats admire is tall. Bad: the boy that the cats admire are tall."""
    plural = _coin(rng)
    subject = _noun_phrase(rng, plural=plural, nouns=_HUMANS)
    predicate = _short_predicate(rng, plural=plural == acceptable)
    return _say(subject, _relative_clause(rng, plural=plural), predicate, ".")


def _argument_structure(rng: random.Random, acceptable: bool) -> str:
    """Good: the boy greets the cats today. Bad: the boy sneezes the cats today."""
    plural, needs_object = _coin(rng), _coin(rng)
    verb = _present(rng, _TRANSITIVES if needs_object else _INTRANSITIVES, plural=plural)
    has_object = needs_object == acceptable
    complement = _any_noun_phrase(rng) if has_object else _prepositional(rng)
    # Times, no places: "laughs the boy outside" can mean that laughing drives him out.
    return _say(_noun_phrase(rng, plural=plural), verb, complement, _maybe(rng, _TIMES), ".")


def _determiner_noun(rng: random.Random, acceptable: bool) -> str:
    """Good: these cats are tall. Bad: this cats are tall."""
    plural = _coin(rng)
    determiners = _PLURAL_DETERMINERS if plural == acceptable else _SINGULAR_DETERMINERS
    phrase = _noun_phrase(rng, plural=plural, determiner=rng.choice(determiners))
    if _coin(rng):
        return _say(phrase, _predicate(rng, plural=plural), ".")
    subject_plural = _coin(rng)
    verb = _present(rng, _TRANSITIVES, plural=subject_plural)
    subject = _noun_phrase(rng, plural=subject_plural)
    return _say(subject, verb, phrase, _maybe(rng, _ADVERBS), ".")


# Orders of (determiner, adjective, noun) and of (preposition, determiner, noun). Left out:
# "king the tall", which has the shape of a name with an epithet, and "the near tree".
_NOUN_PHRASE_SCRAMBLES = ((0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 1, 0))
_PREPOSITIONAL_SCRAMBLES = ((0, 2, 1), (1, 2, 0))


def _scrambled(rng: random.Random, phrase: str) -> str:
    words = phrase.split()
    orders = _NOUN_PHRASE_SCRAMBLES if words[0] == "the" else _PREPOSITIONAL_SCRAMBLES
    return _say(*(words[place] for place in rng.choice(orders)))


def _word_order(rng: random.Random, acceptable: bool) -> str:
    """Good: the tall boy greets the lazy cat. Bad: the boy tall greets the lazy cat."""
    plural, takes_object = _coin(rng), _coin(rng)
    subject, complement = (
        _say("the", rng.choice(_ADJECTIVES), rng.choice(_ANIMATES)[number])
        for number in (plural, _coin(rng))
    )
    if not takes_object:
        complement = _prepositional(rng)
    if not acceptable:
        if _coin(rng):
            subject = _scrambled(rng, subject)
        else:
            complement = _scrambled(rng, complement)
    verb = _present(rng, _TRANSITIVES if takes_object else _INTRANSITIVES, plural=plural)
    return _say(subject, verb, complement, ".")


_ANTECEDENTS = {"himself": _MALE, "herself": _FEMALE, "themselves": _HUMANS}


def _reflexive(rng: random.Random, acceptable: bool) -> str:
    """Good: the girl near the boy thanks herself. Bad: the girl near the boy thanks himself."""
    bound = rng.choice(list(_ANTECEDENTS))
    plural = bound == "themselves"
    unbound = [reflexive for reflexive in _ANTECEDENTS if reflexive != bound]
    reflexive = bound if acceptable else rng.choice(unbound)
    subject = _noun_phrase(rng, plural=plural, nouns=_ANTECEDENTS[bound])
    verb = _present(rng, _TRANSITIVES, plural=plural)
    adverb = _maybe(rng, _ADVERBS, chance=0.3)
    return _say(subject, _modifier(rng, plural=plural), verb, reflexive, adverb, ".")


def _wh_gap(rng: random.Random, acceptable: bool) -> str:
    """Good: who does the boy greet? Bad: who does the boy greet the cat?"""
    plural, asks_for_object = _coin(rng), _coin(rng)
    opener = rng.choice(_OBJECT_QUESTIONS if asks_for_object else ("", *_ADJUNCT_QUESTIONS))
    subject = _question_subject(rng, plural=plural)
    has_object = asks_for_object != acceptable
    complement = _say("the", rng.choice(_ANIMATES)[_coin(rng)]) if has_object else ""
    verb = rng.choice(_TRANSITIVES).base
    return _say(opener, "do" if plural else "does", subject, verb, complement, "?")


def _polarity(rng: random.Random, acceptable: bool) -> str:
    """Good: no boy has ever greeted the cats. Bad: the boy has ever greeted no cats."""
    plural, other_plural = _coin(rng), _coin(rng)
    have = "have" if plural else "has"
    tall = _maybe(rng, _ADJECTIVES, chance=0.3)
    boy, cat = rng.choice(_HUMANS)[plural], rng.choice(_ANIMATES)[other_plural]
    greeted, sneezed = rng.choice(_TRANSITIVES).participle, rng.choice(_INTRANSITIVES).participle
    # Each frame has two places for the licensing word, of which only one has scope over "ever"
    # or "any", so that both labels use exactly the same words. Variables bear example words.
    no, the = ("no", "the") if acceptable else ("the", "no")
    frame = rng.randrange(4)
    if frame == 0:
        clause = _say(rng.choice(("that", "who")), the, cat)
        admires = _present(rng, _TRANSITIVES, plural=other_plural)
        return _say(no, tall, boy, clause, admires, have, "ever", sneezed, ".")
    if frame == 1:
        return _say(no, tall, boy, have, "ever", greeted, the, cat, ".")
    if frame == 2:
        the, any_ = ("the", "any") if acceptable else ("any", "the")
        return _say(the, tall, boy, have, "not", greeted, any_, cat, ".")
    outer, inner = ("not", "") if acceptable else ("", "not")
    clause = _say("that", have, inner, sneezed)
    return _say("the", boy, clause, have, outer, greeted, "any", cat, ".")


def _auxiliary_form(rng: random.Random, acceptable: bool) -> str:
    """Good: the boy has greeted the cats. Bad: the boy has greet the cats."""
    plural = _coin(rng)
    boy, cat = rng.choice(_HUMANS)[plural], rng.choice(_ANIMATES)[_coin(rng)]
    # A relative clause puts finite forms such as "greets" into acceptable sentences as well.
    modifier = _modifier(rng, plural=plural)
    verb = rng.choice(_TRANSITIVES)
    auxiliary, governed = _auxiliary(rng, verb, plural=plural)
    form = governed if acceptable else rng.choice([form for form in verb if form != governed])
    return _say("the", boy, modifier, auxiliary, form, "the", cat, ".")


def _inversion(rng: random.Random, acceptable: bool) -> str:
    """Good: why should the boy greet the cat? Bad: why the boy should greet the cat?"""
    plural = _coin(rng)
    verb = rng.choice(_TRANSITIVES)
    should, greet = _auxiliary(rng, verb, plural=plural)
    complement = _say("the", rng.choice(_ANIMATES)[_coin(rng)])
    frame = rng.randrange(4)
    if frame == 0:  # The fronted auxiliary has to come from the main clause.
        boy = _say("the", rng.choice(_HUMANS)[plural])
        has, slept = _auxiliary(rng, rng.choice(_INTRANSITIVES), plural=plural)
        if acceptable:
            return _say(should, boy, "that", has, slept, greet, complement, "?")
        return _say(has, boy, "that", slept, should, greet, complement, "?")
    subject = _question_subject(rng, plural=plural)
    if frame == 1:  # A modal, since "is greeting the boy the king?" can equate two things.
        middle = (subject, verb.base) if acceptable else (verb.base, subject)
        return _say(rng.choice(_MODALS), *middle, complement, "?")
    middle = (should, subject) if acceptable else (subject, should)
    if frame == 2:
        return _say(rng.choice(_OBJECT_QUESTIONS), *middle, greet, "?")
    return _say(rng.choice(_ADJUNCT_QUESTIONS), *middle, greet, complement, "?")


_PRONOUNS = (("he", "him"), ("she", "her"), ("they", "them"), ("we", "us"))


def _pronoun_case(rng: random.Random, acceptable: bool) -> str:
    """Good: he greets the king. Bad: him greets the king."""
    is_subject, plural = _coin(rng), _coin(rng)
    nominative, accusative = rng.choice(_PRONOUNS[2:] if plural else _PRONOUNS[:2])
    pronoun = nominative if is_subject == acceptable else accusative
    if is_subject:  # Never with an intransitive verb: "her smiles" is a noun phrase.
        verb = _present(rng, _TRANSITIVES, plural=plural)
        return _say(pronoun, verb, _any_noun_phrase(rng), _maybe(rng, _ADVERBS), ".")
    other_plural = _coin(rng)
    other = _noun_phrase(rng, plural=other_plural)
    if _coin(rng):
        verb = _present(rng, _TRANSITIVES, plural=other_plural)
        return _say(other, verb, pronoun, _maybe(rng, _ADVERBS), ".")
    predicate = _predicate(rng, plural=other_plural)
    return _say(other, rng.choice(_PREPOSITIONS), pronoun, predicate, ".")


def _coordination(rng: random.Random, acceptable: bool) -> str:
    """Good: the boy and the cats are tall. Bad: the boy and the cats is tall."""
    first, second = rng.sample(_ANIMATES, 2)
    joined = _coin(rng)
    link = "and" if joined else rng.choice(_PREPOSITIONS)
    head = _say(_maybe(rng, _ADJECTIVES, chance=0.3), first[0])
    predicate = _predicate(rng, plural=joined == acceptable)
    return _say("the", head, link, "the", second[_coin(rng)], predicate, ".")


PHENOMENA: Mapping[str, Phenomenon] = {
    "agreement_across_phrase": _agreement_across_phrase,
    "agreement_across_relative": _agreement_across_relative,
    "argument_structure": _argument_structure,
    "auxiliary_form": _auxiliary_form,
    "coordination": _coordination,
    "determiner_noun": _determiner_noun,
    "inversion": _inversion,
    "polarity": _polarity,
    "pronoun_case": _pronoun_case,
    "reflexive": _reflexive,
    "wh_gap": _wh_gap,
    "word_order": _word_order,
}
