"""A chained log: every change but cutting the end off is found; torn lines and two writers do no harm."""

from __future__ import annotations

import json
from multiprocessing import get_context

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.runfolder.event_log import EVENTS, log_event, read_events


def written(folder, count: int = 5) -> bytes:
    for number in range(count):
        log_event(folder, "step", {"number": number})
    return (folder / EVENTS).read_bytes()


def test_what_was_logged_is_read(tmp_path):
    events = read_events(written(tmp_path))
    assert [e["number"] for e in events] == [0, 1, 2, 3, 4]
    assert read_events(b"") == ()


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    return written(tmp_path_factory.mktemp("log"))


@given(at=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_a_changed_byte_before_the_last_line_breaks_the_chain(log, at, flip):
    data = bytearray(log)
    end = log.rstrip(b"\n").rindex(b"\n")
    data[at % end] ^= flip
    with pytest.raises(ValueError, match="line"):
        read_events(bytes(data))


@pytest.mark.parametrize("spoil", ["drop", "swap", "insert", "cut"])
def test_lines_cannot_be_dropped_swapped_put_in_or_cut(log, spoil):
    lines = log.splitlines(keepends=True)
    spoiled = {
        "drop": [lines[0], *lines[2:]],
        "swap": [lines[0], lines[2], lines[1], *lines[3:]],
        "insert": [*lines[:2], lines[1], *lines[2:]],
        "cut": [*lines[:-1], lines[-1][:-5]],
    }[spoil]
    with pytest.raises(ValueError, match="line"):
        read_events(b"".join(spoiled))


def test_a_line_torn_by_a_power_cut_stays_and_the_log_goes_on(tmp_path):
    before = written(tmp_path)
    (tmp_path / EVENTS).write_bytes(before[:-20])
    log_event(tmp_path, "resumed", {})
    data = (tmp_path / EVENTS).read_bytes()
    assert data.startswith(before[:-20] + b"\n")
    assert [e["event"] for e in read_events(data)] == ["step"] * 4 + ["resumed"]


def append(folder, number):
    for _ in range(40):
        log_event(folder, "step", {"writer": number})


def test_two_writers_keep_one_chain(tmp_path):
    context = get_context("fork")
    writers = [context.Process(target=append, args=(tmp_path, n)) for n in (1, 2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    events = read_events((tmp_path / EVENTS).read_bytes())
    assert len(events) == 80
    assert json.dumps(events).count('"writer": 1') == 40


@pytest.mark.parametrize("event", ["", ',"event":7', ',"event":null'])
def test_a_line_that_names_no_event_is_refused(event):
    # Nothing follows the last line, so that its own digest holds nothing: found by fuzzing.
    line = '{"previous":"' + "0" * 64 + '"' + event + "}\n"
    with pytest.raises(ValueError, match="line 1 names no event"):
        read_events(line.encode("ascii"))
