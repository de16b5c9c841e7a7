from __future__ import annotations

from multimodal.ui.answer import Answer, Band, answer_html


def test_the_fixed_words_carry_their_meaning_and_nothing_else_is_markup() -> None:
    markup = answer_html(Answer("<b>Pneumonia</b> is very likely.", ("<script>",)))
    assert f'<abbr title="{Band.VERY_LIKELY.meaning}">very likely</abbr>' in markup
    assert "<b>" not in markup
    assert "<script>" not in markup
