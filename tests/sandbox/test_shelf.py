from st_pipeline.sandbox.shelf import EXPORT_DELAY, START, Position, Row, Shelf

FAR = 10**18


def row(record_id: int, modified: int, text: str = "", *, active: bool = True) -> Row:
    return Row(record_id, (text or str(record_id)).encode(), modified, modified, active)


def shown(shelf: Shelf, horizon: int, after: Position = START) -> list[bytes]:
    return [shelf.bodies[slot] for slot in shelf.walk(after, horizon)]


def test_first_records_are_in_the_order_of_modification_and_visible_a_quarter_of_an_hour_later() -> None:
    shelf = Shelf([row(1, 30), row(2, 10), row(3, 10)])
    assert shown(shelf, FAR) == [b"2", b"3", b"1"]
    assert shown(shelf, 10 + EXPORT_DELAY) == [b"2", b"3"]


def test_a_commit_that_is_visible_earlier_goes_before_one_that_is_visible_later() -> None:
    shelf = Shelf([])
    shelf.commit(row(1, 5), 200)
    shelf.commit(row(2, 9), 100)
    assert shown(shelf, FAR) == [b"2", b"1"]


def test_the_old_version_is_shown_until_the_new_one_is_visible() -> None:
    shelf = Shelf([row(1, 0, "old")])
    shelf.commit(row(1, 50, "new"), EXPORT_DELAY + 100)
    assert shown(shelf, EXPORT_DELAY + 99) == [b"old"]
    assert shown(shelf, EXPORT_DELAY + 100) == [b"new"]
    assert [shelf.bodies[slot] for slot in shelf.newest_first()] == [b"new"]


def test_versions_of_one_record_become_visible_in_the_order_of_their_commits() -> None:
    shelf = Shelf([])
    shelf.commit(row(1, 1, "first"), 500)
    shelf.commit(row(1, 2, "second"), 100)
    assert shown(shelf, 499) == []
    assert shown(shelf, 500) == [b"second"]


def test_a_position_between_records_visible_at_the_same_time_loses_none() -> None:
    shelf = Shelf([])
    for n in range(6):
        shelf.commit(row(n, 7), 100)
    slots = list(shelf.walk(START, FAR))
    assert shown(shelf, FAR, Position(100, slots[2])) == [b"3", b"4", b"5"]


def test_a_deleted_record_disappears_in_every_version_and_may_come_back() -> None:
    shelf = Shelf([row(1, 0), row(2, 0)])
    shelf.commit(row(1, 5, "newer"), 10)
    assert shelf.delete(1)
    assert not shelf.delete(1)
    assert shown(shelf, FAR) == [b"2"]
    assert [shelf.ids[slot] for slot in shelf.newest_first()] == [2]
    shelf.commit(row(1, 9, "again"), 20)
    assert shown(shelf, FAR) == [b"2", b"again"] or shown(shelf, FAR) == [b"again", b"2"]
