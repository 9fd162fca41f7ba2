"""Words that stop lists contain and that a judgement hangs on: negations, praise and blame.

Own lists, made by reading the lists of stopwords-iso 0.7 for words that negate, judge, weigh or wish.
"""

from __future__ import annotations

import re

WITHOUT_SPACES = frozenset({"ja", "th"})
"""Languages of stopwords-iso without spaces between words for which there is no way to find words here."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


NEGATIONS = {
    "de": _words(
        "nicht nichts nie niemals nimmer niemand niemandem niemanden nirgends nirgendwo kein keine keinem keinen "
        "keiner keines keinerlei keineswegs nein kaum ohne weder noch wenig wenige weniger gegen statt"
    ),
    "en": _words(
        "no not never neither nor none nobody noone no-one nothing nowhere nay non cannot without hardly barely "
        "scarcely rarely seldom few fewer less little lack lacking against unlike except instead"
    ),
    "es": _words(
        "no ni nunca jamás nada nadie ninguna ningunas ninguno ningunos ningún tampoco sin apenas menos poca "
        "pocas poco pocos contra excepto salvo"
    ),
    "fr": _words(
        "ne n n' pas ni non jamais rien aucun aucune aucuns nul nulle personne sans guère point plus moins peu contre "
        "sauf hormis excepté"
    ),
    "it": _words(
        "no non né nè mai niente nulla nessun nessuna nessuno neanche nemmeno neppure senza poco poca pochi poche "
        "meno contro"
    ),
    "nl": _words("niet niets nooit niemand nergens geen nee neen noch zonder nauwelijks weinig minder tegen"),
    "pt": _words(
        "não nao nem nunca jamais nada ninguém ninguem nenhum nenhuma nenhuns nenhumas sem tampouco pouco pouca "
        "poucos poucas menos contra"
    ),
    "zh": frozenset(),
}
"""By language, what negates or takes away; for Chinese it is told by the characters in a word."""

_CHINESE_NEGATIONS = re.compile("[不没沒无無未非别別莫勿毋否休甭]")
_AUXILIARY = "ai are ca could dare did does do had has have is may might must need ought sha should was were wo would"
_CONTRACTION = re.compile(rf"(?:{'|'.join(_AUXILIARY.split())})n(?:'?t)?")
"""Also without the apostrophe (dont), and what is left of it once punctuation is gone (don t)."""

OPINIONS = {
    "de": _words(
        "besser besten gut gute guter gutes guten schlecht gern lieber leicht leide dank ernst ehrlich endlich genug "
        "möchte mögen mag magst mögt gemocht recht richtig satt sehr überhaupt wahr wirklich wohl natürlich aber "
        "trotzdem zwar gross grosse grossen grosser grosses groß große großen großer großes besonders durchaus"
    ),
    "en": _words(
        "appreciate awfully best better but clearly cry definitely especially fully good great greater greatest help "
        "high higher hopefully important interested interesting kind like liked low lower mostly obviously poorly "
        "problem problems promptly proud quickly quite really sensible serious seriously significant sorry strongly "
        "successfully sure thank thanks thanx too truly unfortunately useful usefully usefulness very want wanted "
        "wanting wants welcome well wish wonder slightly enough however although though"
    ),
    "es": _words(
        "bien mal mejor peor buen buena buenas bueno buenos gran grandes muy más mas demasiado bastante tan tanto "
        "pero aunque verdad claro"
    ),
    "fr": _words(
        "bien bon bravo beau cher chère chers chères hélas merci mais pire remarquable rare rares suffisant "
        "suffisante très tres trop tellement assez absolument beaucoup zut vive pouah malgré malgre"
    ),
    "zh": _words(
        "好 很 最 更 大 小 多 还 极了 比 但 但是 可是 然而 虽 虽然 却 反而 尽管 果真 哈哈 呵呵 呸 哼 唉 的确 够"
    ),
}
"""By language, words of praise and blame, degree, wish and contrast."""

PARTICLES = frozenset("的了吗呢吧啊呀嘛啦哦哟呗咧喽哎嗯咦哇嗳呃")
"""Chinese words of one character that are removed without cutting the text into words."""

COMPOUNDS = _words(
    "目的 目的地 的确 的士 打的 有的放矢 众矢之的 标的 了解 了不起 了得 了结 了断 了却 了事 明了 受不了 "
    "大不了 免不了 少不了 忘不了 不了了之 一目了然 了如指掌 了若指掌 酒吧 网吧 吧台 贴吧 哎呀 呢绒 毛呢 啊呀 啦啦队"
)
"""Chinese words that hold one of those characters and are no stop words."""


def negates(word: str, language: str) -> bool:
    """Whether a word of that language's stop list negates."""
    if language == "zh":
        return bool(_CHINESE_NEGATIONS.search(word))
    return word in NEGATIONS.get(language, ()) or (language == "en" and _CONTRACTION.fullmatch(word) is not None)
