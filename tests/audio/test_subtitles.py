from qwen3tts_webui.audio.subtitles import Cue, to_srt, to_vtt

TWO = [Cue("Hello there.", 0.0, 1.25), Cue("你好。", 1.75, 3_661.0005)]


def test_srt():
    assert to_srt(TWO) == (
        "1\n00:00:00,000 --> 00:00:01,250\nHello there.\n\n2\n00:00:01,750 --> 01:01:01,000\n你好。\n"
    )


def test_vtt():
    assert to_vtt(TWO) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.250\nHello there.\n\n00:00:01.750 --> 01:01:01.000\n你好。\n"
    )


def test_no_cues_make_an_empty_file_of_each_kind():
    assert to_srt([]) == ""
    assert to_vtt([]) == "WEBVTT\n"


def test_vtt_escapes_markup_and_arrows():
    assert to_vtt([Cue("<script>&amp; a --> b", 0, 1)]).splitlines()[-1] == "&lt;script&gt;&amp;amp; a --&gt; b"


def test_srt_shows_tags_styles_and_arrows_as_text():
    shown = to_srt([Cue(r"<b>{\an8} a --> b", 0, 1)]).splitlines()[-1]
    assert "<b>" not in shown and r"{\an8}" not in shown and "-->" not in shown
    assert shown.replace("\u2060", "") == r"<b>{\an8} a --> b"


def test_a_text_of_many_lines_stays_one_cue():
    text = "one\n\n2\r\n00:00:00,000 --> 00:00:09,000\u2028\x00three\ud800"
    assert to_vtt([Cue(text, 0, 1)]).splitlines()[-1] == "one 2 00:00:00,000 --&gt; 00:00:09,000 three"
    to_srt([Cue(text, 0, 1)]).encode()


def test_cues_without_text_are_left_out_and_the_others_renumbered():
    assert to_srt([Cue(" \n", 0, 1), Cue("a", 1, 2)]).startswith("1\n00:00:01,000")


def test_a_cue_always_ends_after_it_starts():
    assert "00:00:02.000 --> 00:00:02.001" in to_vtt([Cue("a", 2.0, 1.0)])
    assert "00:00:00.000 --> 00:00:00.001" in to_vtt([Cue("a", -2.0, -1.0)])


def test_milliseconds_carry_over():
    assert "00:00:59.999 --> 00:01:00.000" in to_vtt([Cue("a", 59.9994, 59.9996)])
