"""History and usage: totals for each sync, trace ids, and daily rollups of old syncs (package ``history``)."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Errors with a trace id from the API end this way (servicetitan/errors.py).
    for table, text in (("syncs", "error"), ("sync_entities", "detail")):
        op.execute(f"""
            alter table control.{table}
                add column trace_id text generated always as
                    (substring({text} from '[(]trace ([^()]{{1,100}})[)]')) stored
        """)
        op.execute(f"comment on column control.{table}.trace_id is 'the API''s own, of the first error that has one'")
    op.execute("""
        alter table control.syncs
            add column app text not null default '',
            add column fetched bigint not null default 0,
            add column loaded bigint not null default 0,
            add column quarantined_whole bigint not null default 0,
            add column quarantined_fields bigint not null default 0,
            add column deleted bigint not null default 0,
            add column pages bigint not null default 0,
            add column bytes bigint not null default 0,
            add column calls bigint not null default 0,
            add column failed_calls bigint not null default 0,
            add column refused_calls bigint not null default 0,
            add column retries bigint not null default 0,
            add column call_seconds double precision not null default 0,
            add column slowest_call double precision not null default 0,
            add column buckets bigint[] not null default '{}'
    """)
    op.execute("""
        comment on column control.syncs.app is
            'what it called with: the app''s id, or else the end of the client id; empty where it had no credentials'
    """)
    op.execute("""
        comment on column control.syncs.fetched is
            'this and what follows: sums of its entities and calls, so that lists of syncs need not add them up'
    """)
    op.execute("""
        comment on column control.syncs.failed_calls is 'without an answer, or with a status from 400 on but 429'
    """)
    op.execute("comment on column control.syncs.refused_calls is 'with 429'")
    op.execute("""
        update control.syncs s set
            app = coalesce((
                select coalesce(
                    c.app_id, '…' || case when length(c.client_id) > 8 then right(c.client_id, 4) else '' end
                )
                from control.credentials c where c.tenant = s.tenant
            ), ''),
            (fetched, loaded, quarantined_whole, quarantined_fields, deleted, pages, bytes) = (
                select coalesce(sum(fetched), 0), coalesce(sum(loaded), 0), coalesce(sum(quarantined_whole), 0),
                    coalesce(sum(quarantined_fields), 0), coalesce(sum(deleted), 0), coalesce(sum(pages), 0),
                    coalesce(sum(bytes), 0)
                from control.sync_entities e where e.sync_id = s.id
            ),
            (calls, failed_calls, refused_calls, retries, call_seconds, slowest_call) = (
                select coalesce(sum(calls), 0),
                    coalesce(sum(calls) filter (where status = 0 or status >= 400 and status <> 429), 0),
                    coalesce(sum(calls) filter (where status = 429), 0), coalesce(sum(retries), 0),
                    coalesce(sum(seconds), 0), coalesce(max(slowest), 0)
                from control.api_calls c where c.sync_id = s.id
            ),
            buckets = coalesce((
                select array_agg(calls order by n)
                from (
                    select n, sum(count) as calls
                    from control.api_calls c cross join unnest(c.buckets) with ordinality as bucket (count, n)
                    where c.sync_id = s.id group by n
                ) sums
            ), '{}')
    """)
    op.execute("""
        create table control.sync_days (
            day date not null,
            tenant text not null,
            is_partial boolean not null,
            syncs bigint not null,
            succeeded bigint not null,
            failed bigint not null,
            interrupted bigint not null,
            seconds double precision not null,
            fetched bigint not null,
            loaded bigint not null,
            quarantined_whole bigint not null,
            quarantined_fields bigint not null,
            deleted bigint not null,
            pages bigint not null,
            bytes bigint not null,
            primary key (day, tenant, is_partial)
        )
    """)
    op.execute("""
        comment on table control.sync_days is
            'syncs that are no longer in control.syncs, added up by the day in UTC on which they started'
    """)
    op.execute("""
        create table control.api_usage_days (
            day date not null,
            tenant text not null,
            app text not null,
            operation text not null,
            calls bigint not null,
            failed bigint not null,
            refused bigint not null,
            retries bigint not null,
            bytes bigint not null,
            seconds double precision not null,
            slowest double precision not null,
            buckets bigint[] not null,
            primary key (day, tenant, app, operation)
        )
    """)
    op.execute("comment on table control.api_usage_days is 'calls of the syncs in control.sync_days, by endpoint'")
    # Indexes for overviews and lists.
    op.execute("create index syncs_ended on control.syncs (finished_at) where finished_at is not null")
    op.execute("create index syncs_not_ended on control.syncs (tenant, started_at) where outcome is null")
    op.execute("create index syncs_by_start on control.syncs (started_at, id)")
    op.execute("""
        create index syncs_recent on control.syncs (tenant, started_at desc, id desc)
        include (finished_at, outcome, is_partial, loaded)
    """)
    op.execute("drop index control.syncs_tenant_started_at_idx")
    op.execute("""
        create index syncs_succeeded on control.syncs (tenant, started_at desc)
        where outcome = 'succeeded' and not is_partial
    """)
    op.execute("create index on control.quarantine (tenant, field)")
    op.execute("create index on control.sync_requests (sync_id)")
    op.execute("create index incidents_closed on control.incidents (closed_at) where closed_at is not null")
