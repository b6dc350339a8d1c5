"""Messages of errors."""

import time

from corpora.documents import SHOWN, CorpusError


def test_a_message_is_one_line_of_characters():
    message = str(CorpusError("a\udcffb.txt", 3, "holds 'x \r\n\n  y'", "correct it"))
    assert message == "a\\udcffb.txt:3: holds 'x y'; correct it"


def test_a_message_does_not_hold_a_whole_file():
    begun = time.process_time()
    message = str(CorpusError("a.txt", None, "x" + " " * 300_000 + "y" + "\n" * 300_000, "correct it"))
    assert time.process_time() - begun < 2
    assert len(message) < SHOWN + 100
    assert message.endswith("...; correct it")


def test_a_message_moves_no_cursor_and_is_no_flood():
    message = str(CorpusError("a.txt", None, "label 'x\x1b[2J\u2028ERROR y\x85'", "valid are: " + "z, " * 100_000))
    assert r"x\x1b[2J\u2028ERROR y\x85" in message
    assert message.isprintable()
    assert len(message) < 5000
