"""What is wrong and what to do about it, as columns instead of as sentences.

A check's result gets its cause, and every stored problem its steps. Stored sentences lose the advice that they ended
with: the one place where a sentence is read for what it means, once.
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_CAUSES = (
    "none", "not_checked", "credentials_missing", "client", "app_key", "tenant_id", "scope", "no_answer",
)  # fmt: skip

# Advice at the end of a stored sentence (a regular expression), and the step that it was.
_ADVICE = (
    (r"; st-pipeline tenants enable \S+ turns its syncs back on", '[{"do": "enable"}]'),
    (r"; enter them with st-pipeline tenants rotate \S+ --client-id ID", '[{"do": "enter_credentials"}]'),
    (r": set SERVICETITAN_APP_KEY for all tenants, or give it one with .*", '[{"do": "enter_app_key"}]'),
    (r"; enter it anew with st-pipeline tenants rotate", '[{"do": "enter_credentials"}]'),
    (r"; put the key it was stored with at the end of the list, .*", '[{"do": "enter_credentials"}]'),
    (r"\. There, under Settings > Integrations .*", '[{"do": "connect_app"}, {"do": "enter_credentials"}]'),
    (r": generate a new one there under .*", '[{"do": "generate_secret"}, {"do": "enter_secret"}]'),
    (r"\. Client id and secret are right; the app key is .*", '[{"do": "enter_app_key"}]'),
    (r"\. If the tenant id \d+ is wrong, .*", '[{"do": "correct_tenant_id"}]'),
    (r"\. If the tenant id \d+ is still .*", '[{"do": "check_app_allowed"}]'),
    (r"\. Then run st-pipeline tenants check .*", '[{"do": "test_connection"}]'),
    (r"\. The legacy tables need it: add it .*", '[{"do": "test_connection"}]'),
    (r"; run st-pipeline tenants check \S+", '[{"do": "test_connection"}]'),
    (r"; to read everything again, run st-pipeline sync .*", '[{"do": "full_refresh"}]'),
    (r"; rename the old column \(.*", '[{"do": "reload_all_tenants"}]'),
)

# By rule, for incidents from before; an open one gets its exact steps within a minute.
_BY_RULE = {
    "credentials_refused": '[{"do": "check_credentials"}, {"do": "enter_credentials"}]',
    "not_connected": '[{"do": "connect_app"}, {"do": "enter_credentials"}]',
    "credentials_old": '[{"do": "generate_secret"}, {"do": "enter_secret"}]',
    "failed_sync": '[{"do": "fix_error"}, {"do": "sync"}, {"do": "report_trace"}]',
    "failures_in_a_row": '[{"do": "fix_error"}, {"do": "sync"}, {"do": "report_trace"}]',
    "many_failing": '[{"do": "fix_shared_cause"}, {"do": "wait_for_retry"}]',
    "stale": '[{"do": "view_syncs"}, {"do": "check_daemon"}, {"do": "sync"}]',
    "error_rate": '[{"do": "wait_for_retry"}, {"do": "check_status_page"}]',
    "nothing_sent": '[{"do": "check_records_exist"}, {"do": "full_refresh"}]',
    "drop": '[{"do": "compare_counts"}]',
    "fewer_members": '[{"do": "hold_report"}, {"do": "view_syncs"}]',
    "quarantine": '[{"do": "view_problem_records"}, {"do": "correct_records"}]',
    "reports_behind": '[{"do": "check_builds"}, {"do": "build_reports"}]',
}


def upgrade() -> None:
    op.execute(f"""
        alter table control.tenants
            add column status_cause text not null default 'not_checked'
                check (status_cause in ({", ".join(f"'{cause}'" for cause in _CAUSES)})),
            add column status_steps jsonb not null default '[{{"do": "test_connection"}}]',
            alter column status_detail set default 'not checked yet'
    """)
    op.execute("alter table control.syncs add column own_error text, add column steps jsonb not null default '[]'")
    op.execute("alter table control.sync_entities add column steps jsonb not null default '[]'")
    op.execute("alter table control.incidents add column steps jsonb not null default '[]'")
    # It was cut out of the error's sentence; from now on it is stored with it.
    for table in ("syncs", "sync_entities"):
        op.execute(f"alter table control.{table} alter column trace_id drop expression")
    op.execute("""
        update control.tenants set status_cause = case
            when checked_at is null then 'not_checked'
            when status = 'connected' then case when status_detail like '%not granted: %' then 'scope' else 'none' end
            when status = 'unreachable' then 'no_answer'
            when status_detail like '%has no credentials%' or status_detail like '%has no app key%'
                then 'credentials_missing'
            when status_detail like '%Client id and secret are right; the app key is%' then 'app_key'
            when status_detail like '%If the tenant id%' then 'tenant_id'
            else 'client'
        end
    """)
    op.execute("update control.tenants set status_steps = '[]' where status_cause = 'none'")
    op.execute("""
        update control.tenants set status_steps = coalesce((
            select jsonb_agg(jsonb_build_object('do', 'grant_scope', 'about', scope[1]))
            from regexp_matches(status_detail, '([a-z]+(?:\\.[A-Za-z-]+)+:[a-z]+) \\(for ', 'g') scope
        ), '[]') || '[{"do": "test_connection"}]' where status_cause = 'scope'
    """)
    for pattern, steps in _ADVICE:
        op.get_bind().exec_driver_sql(
            "update control.tenants set status_detail = regexp_replace(status_detail, %(pattern)s, ''), status_steps = "
            "case when status_cause = 'scope' then status_steps else %(steps)s::jsonb end "
            "where status_detail ~ %(pattern)s",
            {"pattern": pattern, "steps": steps},
        )
        for table, column in (("syncs", "error"), ("sync_entities", "detail")):
            op.get_bind().exec_driver_sql(
                f"update control.{table} set {column} = regexp_replace({column}, %(pattern)s, ''), "  # noqa: S608
                f"steps = %(steps)s::jsonb where {column} ~ %(pattern)s",
                {"pattern": pattern, "steps": steps},
            )
    op.execute("""
        update control.syncs s set own_error = error
        where error is not null
          and not exists (select from control.sync_entities e where e.sync_id = s.id and e.outcome <> 'succeeded')
    """)
    for rule, steps in _BY_RULE.items():
        op.get_bind().exec_driver_sql(
            "update control.incidents set steps = %(steps)s::jsonb where rule = %(rule)s",
            {"rule": rule, "steps": steps},
        )
    comments = {
        "tenants.status_detail": "what the last check found, in one sentence",
        "tenants.status_cause": "what the last check''s result is about; none: connected, with all it needs",
        "tenants.status_steps": "what to do about it, in order",
        "syncs.own_error": "why the sync itself stopped; null where only entities failed",
        "syncs.steps": "what to do about own_error, in order",
        "sync_entities.steps": "what to do about detail, in order",
        "incidents.steps": "what to do about it, in order; advice has them in the words of an alert",
    }
    for column, comment in comments.items():
        op.execute(f"comment on column control.{column} is '{comment}'")
