from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.sandbox.chance import seeded
from st_pipeline.sandbox.world import people

seeds = st.integers()


@given(seeds)
def test_a_tidy_phone_is_ten_digits(seed: int) -> None:
    phone = people.phone(seeded(seed), tidy=True)
    assert len(phone) == 10
    assert phone.isdigit()


@given(seeds)
def test_an_address_is_complete_and_incomplete_lacks_exactly_one_part(seed: int) -> None:
    whole = people.address(seeded(seed))
    assert all(value for name, value in whole._asdict().items() if name != "unit")
    broken = people.incomplete(seeded(seed), whole)
    lacking = [name for name, value in broken._asdict().items() if name != "unit" and not (value or "").strip()]
    assert len(lacking) == 1


@given(seeds)
def test_untidy_names_are_made_of_the_tidy_one_or_empty(seed: int) -> None:
    untidy = people.untidy(seeded(seed), "Mary O'Neil")
    assert not untidy or "mary" in untidy.lower()


@given(seeds)
def test_the_same_seed_makes_the_same_person(seed: int) -> None:
    assert people.customer_name(seeded(seed)) == people.customer_name(seeded(seed))
    assert people.email(seeded(seed)).endswith("@example.invalid")
    assert people.work(seeded(seed)) == people.work(seeded(seed))
