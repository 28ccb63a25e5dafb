"""Progress: plain lines off a terminal, one moving line on it, time left, times kept."""

from __future__ import annotations

import io

import pytest

from audit.base import progress as module
from audit.base.messages import say, words
from audit.base.progress import Progress, duration

EVEN = ("stage.train", "stage.draw")


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize(("seconds", "words"), [(0.2, "0 s"), (59, "59 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")])
def test_durations_as_people_say_them(seconds, words):
    assert duration(seconds) == words


def test_plain_lines_now_and_then(clock):
    stream = io.StringIO()
    progress = Progress(stream)
    progress.stage(say("stage.train"), 100)
    for done in range(1, 101):
        clock[0] += 1.0
        progress.update(done)
    progress.close()
    lines = stream.getvalue().splitlines()
    assert 8 <= len(lines) <= 12
    assert lines[2] == "Training: 30 of 100, about 1 min 10 s left"
    assert lines[-1] == "Training: done in 1 min 40 s"
    assert "\x1b" not in stream.getvalue()
    assert progress.seconds == {"stage.train": 100.0}


def test_work_found_finished_does_not_count_as_speed(clock):
    stream = io.StringIO()
    progress = Progress(stream)
    progress.stage(say("stage.train"), 100)
    progress.update(80)
    clock[0] += 10
    progress.update(90)
    assert "about 10 s left" in stream.getvalue()


def test_a_stage_slower_than_foreseen_is_told_once_and_the_rest_is_foreseen_as_slow(clock):
    stream = io.StringIO()
    progress = Progress(stream)
    progress.expect(
        {"stage.train": 100.0, "stage.draw": 50.0}, later={"stage.train": 40.0, "stage.score": 30.0}, even=EVEN
    )
    progress.stage(say("stage.train"), 100)
    for done in range(0, 100, 10):
        clock[0] += 30.0
        progress.update(done)
    # Three times as slow: 90 of 100 units are left after the second report, and 120 s of others come to 360 s.
    (line,) = [line for line in stream.getvalue().splitlines() if "slower" in line]
    assert line == f"Training: slower than foreseen; about {duration(90 * 3 + 360)} left in all."
    assert progress.slower == [("stage.train", pytest.approx(3.0))]
    progress.close()
    progress.stage(say("stage.draw"), 100)
    clock[0] += 15
    progress.update(10)
    clock[0] += 15
    progress.update(20)
    assert len(progress.slower) == 1, "as slow as foreseen by now"
    progress.go_on()
    progress.stage(say("stage.train"), 100)
    for done in (10, 90):
        clock[0] += 10
        progress.update(done)
    # Fast again: the 30 s of scoring are 30 s as foreseen at first, and no longer three times that.
    assert stream.getvalue().splitlines()[-1] == "Training: 90 of 100, about 1 s left, 31 s in all"
    assert len(progress.slower) == 1


def test_one_moving_line_in_a_terminal(clock):
    stream = Terminal()
    progress = Progress(stream)
    progress.stage(say("stage.score"), 4)
    for done in range(1, 5):
        clock[0] += 1.0
        progress.update(done)
    progress.say(words("A note"))
    progress.close()
    text = stream.getvalue()
    assert text.count("\n") == 3
    assert "\r\x1b[2KScoring: 2 of 4, about 2 s left" in text


def test_time_left_in_all_counts_the_stages_to_come(clock):
    stream = io.StringIO()
    progress = Progress(stream)
    progress.expect({"stage.train": 100.0, "stage.draw": 60.0, "stage.score": 30.0})
    progress.stage(say("stage.train"), 100)
    for done in range(1, 31):
        clock[0] += 1.0
        progress.update(done)
    assert stream.getvalue().splitlines()[-1] == "Training: 30 of 100, about 1 min 10 s left, 2 min 40 s in all"
    progress.stage(say("stage.draw"), 10)
    for done in range(1, 6):
        clock[0] += 6.0
        progress.update(done)
    assert stream.getvalue().splitlines()[-1].endswith("4 of 10, about 36 s left, 1 min 6 s in all")
