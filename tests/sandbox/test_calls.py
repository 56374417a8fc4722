from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.sandbox.calls import CALLS_PER_SECOND, Call, CallLog, Limiter


def test_at_most_sixty_calls_are_accepted_in_any_second() -> None:
    limiter = Limiter()
    assert CALLS_PER_SECOND == 60
    assert all(limiter.admits("ak1", 1, at=n / 100) for n in range(60))
    assert not limiter.admits("ak1", 1, at=0.999)
    assert limiter.admits("ak1", 1, at=1.0)
    assert not limiter.admits("ak1", 1, at=1.0)


def test_each_tenant_and_app_has_its_own_limit() -> None:
    limiter = Limiter(most=1)
    assert limiter.admits("ak1", 1, at=0)
    assert limiter.admits("ak1", 2, at=0)
    assert limiter.admits("ak2", 1, at=0)
    assert not limiter.admits("ak1", 1, at=0)


def test_token_requests_and_other_tenants_do_not_count_in_the_peak() -> None:
    log = CallLog()
    for call in (
        Call(0.0, 1, "/a", 200),
        Call(0.1, 1, "/connect/token", 200),
        Call(0.2, 2, "/a", 200),
        Call(0.9, 1, "/a", 429),
        Call(1.0, 1, "/a", 0),
        Call(9.0, None, "/a", 404),
    ):
        log.add(call)
    assert log.peak_rate(1) == 2
    assert log.peak_rate(3) == 0


@given(st.lists(st.floats(0, 5), max_size=60))
def test_the_peak_equals_a_count_of_every_second(times: list[float]) -> None:
    log = CallLog()
    for at in times:
        log.add(Call(at, 1, "/a", 200))
    expected = max((sum(end - 1 < at <= end for at in times) for end in times), default=0)
    assert log.peak_rate(1) == expected
