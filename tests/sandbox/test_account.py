from st_pipeline.sandbox import DEMO_ACCOUNTS, Account, spare_accounts


def test_an_account_does_not_show_its_secrets() -> None:
    shown = repr(Account(1, "cid.shown", "cs1.canary-secret", "ak1.canary-key"))
    assert "cid.shown" in shown
    assert "canary" not in shown


def test_the_demo_has_two_tenants_of_the_same_ids_and_one_that_is_not_connected() -> None:
    one, two, three = DEMO_ACCOUNTS
    assert (one.seed, one.size) == (two.seed, two.size)
    assert one.tenant_id != two.tenant_id
    assert one.name != two.name
    assert [account.connected for account in DEMO_ACCOUNTS] == [True, True, False]
    assert three.seed != one.seed
    assert len({account.client_secret for account in DEMO_ACCOUNTS}) == 3


def test_one_of_the_two_spare_accounts_is_not_connected() -> None:
    spare = spare_accounts()
    assert [account.connected for account in spare] == [True, False]
    for fact in ("tenant_id", "name", "client_id", "client_secret"):
        assert len({getattr(account, fact) for account in (*DEMO_ACCOUNTS, *spare)}) == 5
