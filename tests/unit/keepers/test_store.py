"""What survives the process."""

import sqlite3

from tidegate.keepers.store import Row, Saved, Store

ROW = Row(3, ("order 0x01", "order 0x02"), "0x11", b"\xff\x00", 90, "E.f", (("0xa", "0xb", 9, 1),))


def test_what_was_written_is_there_again(tmp_path):
    store = Store(tmp_path / "deep" / "state.sqlite", "chain 1")
    assert store.load() is None
    assert not store.renewed
    store.put([ROW])
    store.save(Saved(7, "0x77", "{}"))
    store.save(Saved(8, "0x88", "[]"))
    # not closed: the process was killed
    again = Store(tmp_path / "deep" / "state.sqlite", "chain 1")
    assert again.load() == Saved(8, "0x88", "[]")
    assert again.outbox() == [ROW]


def test_rows_are_replaced_and_dropped_by_nonce():
    store = Store(":memory:", "x")
    store.put([ROW])
    raised = Row(3, ROW.items, "0x11", b"", 90, "E.f", (*ROW.tries, ("0xc", "0xd", 11, 2)), True)
    store.put([raised])
    assert store.outbox() == [raised]
    store.drop([3])
    assert store.outbox() == []


def test_a_file_of_another_deployment_is_begun_anew_and_says_so(tmp_path):
    store = Store(tmp_path / "s", "chain 1")
    store.put([ROW])
    store.close()
    other = Store(tmp_path / "s", "chain 1, deployed again")
    assert other.renewed
    assert other.outbox() == []


def test_a_write_is_whole_or_not_at_all(tmp_path):
    store = Store(tmp_path / "s", "x")
    bad = Row(4, (), "0x11", b"", "no number", "", ())  # type: ignore[arg-type]
    try:
        store.put([ROW, bad, Row(5, (), "0x11", object(), 1, "", ())])  # type: ignore[arg-type]
    except sqlite3.Error:
        pass
    else:
        raise AssertionError("it was written")
    assert store.outbox() == []
