{#-
  Tables and views that stay. Others attach views, grants, indexes and triggers to them, the consumer of the legacy
  streams sets flags and deletes rows, and sessions read them for hours. So a table is created once and its rows change
  inside it, and a view is replaced only if its definition changed.

  intermediate.built says from which version a tenant's rows of a relation were built last. intermediate.built_rows has
  the id of every row that was put into a stream: a row that is listed but no longer there was deleted by its consumer,
  and comes back only with other content, under another id.
-#}
{% macro create_in_place() %}
select pg_advisory_xact_lock(hashtext('st_pipeline.dbt.create_functions'));
create table if not exists intermediate.built (
    relation text,
    tenant text,
    version text,
    primary key (relation, tenant)
);
create table if not exists intermediate.built_rows (
    relation text,
    tenant text,
    id integer,
    primary key (relation, tenant, id)
);
-- Runs statements that change rows of a table that others use. A lock that somebody else holds is waited for a few
-- times, not forever; then the error says who holds it.
create or replace function intermediate.change_rows(
    target regclass, statements text[], patience text, attempts integer
) returns void
language plpgsql as $function$
declare
    statement text;
    holders text;
begin
    perform set_config('lock_timeout', patience, true);
    for attempt in 1..attempts loop
        begin
            foreach statement in array statements loop
                execute statement;
            end loop;
            return;
        exception when lock_not_available or deadlock_detected then
            select string_agg(distinct format(
                'process %s (user %s, application "%s", %s since %s)',
                activity.pid, activity.usename, activity.application_name, activity.state,
                to_char(activity.state_change at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"')
            ), '; ')
            into holders
            from pg_locks as held
            inner join pg_stat_activity as activity
                on activity.pid = held.pid
            where held.relation = target
                and held.database = (select oid from pg_database where datname = current_database())
                and held.granted
                and held.pid <> pg_backend_pid()
                and held.mode <> 'AccessShareLock';
            perform pg_sleep(1);
        end;
    end loop;
    raise exception using
        errcode = 'lock_not_available',
        message = format('%s is locked by %s', target, coalesce(holders, 'a session that has ended since')),
        hint = 'Its rows are as they were. End that transaction, or the process with pg_terminate_backend, '
            || 'then build the reports again.';
end
$function$;
{% endmacro %}

{#- Tenants whose rows of `relation` were built from something else than what `models` have now, or all: (tenant, version). -#}
{% macro tenants_to_change(relation, models, all) %}
{%- set schema = api.Relation.create(database=relation.database, schema='intermediate') %}
select
    known.tenant,
    now_there.version
from (
    select tenant from {{ schema }}.int_build_versions
    union
    select tenant from intermediate.built where relation = '{{ relation.identifier }}'
) as known
cross join lateral (
    select concat_ws(
        ' '
        {%- for model in models %},
        (
            select '{{ model }} ' || report.version
            from {{ schema }}.{{ model }} as report
            where report.tenant = known.tenant
            limit 1
        )
        {%- endfor %}
    ) as version
) as now_there
left join intermediate.built
    on built.relation = '{{ relation.identifier }}'
    and built.tenant = known.tenant
where {{ all }} or now_there.version is distinct from coalesce(built.version, '')
{% endmacro %}

{#- Rows of a stream have ids, and `report` says whose they are. The consumer's own columns are never written again. -#}
{% macro changes_of_stream(relation, report, columns, own) %}
{%- set theirs = columns | reject('in', own) | reject('equalto', 'id') | list %}
{%- set name = relation.identifier %}
delete from {{ relation }} as there
using intermediate.built_rows as listed
where listed.relation = '{{ name }}'
    and listed.tenant in (select tenant from to_change)
    and listed.id = there.id
    and not exists (select from fresh where fresh.id = there.id)
;;
delete from intermediate.built_rows as listed
where listed.relation = '{{ name }}'
    and listed.tenant in (select tenant from to_change)
    and not exists (select from fresh where fresh.id = listed.id)
;;
update {{ relation }} as there
set {% for column in theirs %}{{ column }} = fresh.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
from fresh
where fresh.id = there.id
    and ({% for column in theirs %}there.{{ column }}{{ ', ' if not loop.last }}{% endfor %})
    is distinct from ({% for column in theirs %}fresh.{{ column }}{{ ', ' if not loop.last }}{% endfor %})
;;
insert into {{ relation }} ({{ columns | join(', ') }})
select {{ columns | join(', ') }}
from fresh
where not exists (select from intermediate.built_rows as listed where listed.relation = '{{ name }}' and listed.id = fresh.id)
;;
insert into intermediate.built_rows (relation, tenant, id)
select '{{ name }}', report.tenant, report.id
from {{ report }} as report
inner join fresh on fresh.id = report.id
on conflict do nothing
{% endmacro %}

{#- Rows without ids: what is there more often than wanted goes, what is missing comes. -#}
{% macro changes_of_rows(relation, columns) %}
{%- set all = columns | join(', ') %}
delete from {{ relation }}
where ctid in (
    select there.ctid
    from (
        select ctid, content, row_number() over (partition by content) as number
        from (select ctid, row({{ all }})::text as content from {{ relation }}) as rows
    ) as there
    left join (
        select content, row_number() over (partition by content) as number
        from (select row({{ all }})::text as content from fresh) as rows
    ) as wanted
        using (content, number)
    where wanted.number is null
)
;;
insert into {{ relation }} ({{ all }})
select {{ all }} from fresh
except all
select {{ all }} from {{ relation }}
{% endmacro %}

{#-
  A table whose rows follow the models in meta.rows_of. With meta.consumers_own (a list, may be empty) it is a stream:
  rows have ids, and those columns are the consumer's.
-#}
{% materialization rows_in_place, adapter='postgres' %}
{%- set target = this.incorporate(type='table') %}
{%- set meta = config.get('meta') %}
{%- set own = meta.get('consumers_own') %}
{%- set there = load_relation(target) %}
{%- set columns = model.columns.keys() | list %}
{%- set report = api.Relation.create(database=target.database, schema='intermediate', identifier=meta['rows_of'][0]) %}

{{ run_hooks(pre_hooks, inside_transaction=False) }}
{{ run_hooks(pre_hooks, inside_transaction=True) }}

{%- if there is none %}
    {% call statement('create') %}
        {{ get_create_table_as_sql(False, target, 'select * from (' ~ sql ~ ') as model limit 0') }}
        delete from intermediate.built where relation = '{{ target.identifier }}';
        delete from intermediate.built_rows where relation = '{{ target.identifier }}';
    {% endcall %}
    {% do create_indexes(target) %}
    {%- set missing = [] %}
{%- else %}
    {%- do get_assert_columns_equivalent(sql) %}
    {%- set missing = columns_to_add(there, model.columns) %}
    {%- if own is not none %}
        {% call statement('rows of before') %}
            insert into intermediate.built_rows (relation, tenant, id)
            select '{{ target.identifier }}', tenant, id
            from {{ report }}
            where rejection is null
                and id <= (select max(id) from {{ target }})
                and not exists (select from intermediate.built where relation = '{{ target.identifier }}')
            on conflict do nothing
        {% endcall %}
    {%- endif %}
{%- endif %}

{% call statement('to change') %}
    create temporary table to_change on commit drop as
    {{ tenants_to_change(target, meta['rows_of'], all=missing | length > 0) }}
{% endcall %}
{%- set changes = run_query('select count(*) from to_change').columns[0].values()[0] > 0 %}

{% call statement('main') %}
{%- if changes %}
    create temporary table fresh on commit drop as
    select * from ({{ sql }}) as model
    {%- if own is not none %}
    where id in (select id from {{ report }} where tenant in (select tenant from to_change))
    {%- endif %};
    analyze fresh;
    select intermediate.change_rows('{{ target }}', array[
        {%- for column in missing %}
        'alter table {{ target }} add column {{ column.name }} {{ column.data_type }}',
        {%- endfor %}
        {%- set statements = changes_of_stream(target, report, columns, own) if own is not none else changes_of_rows(target, columns) %}
        {%- for one in statements.split(';;') %}
        $statement${{ one }}$statement$,
        {%- endfor %}
        $statement$
            insert into intermediate.built (relation, tenant, version)
            select '{{ target.identifier }}', tenant, version from to_change
            on conflict (relation, tenant) do update set version = excluded.version
        $statement$
    ], '{{ var("lock_timeout") }}', {{ var("lock_attempts") }});
    analyze (skip_locked) {{ target }};
{%- else %}
    select 'nothing to change'
{%- endif %}
{% endcall %}
{{ finish_in_place(target, post_hooks) }}
{{ return({'relations': [target]}) }}
{% endmaterialization %}

{#- Columns of the contract that the table lacks. Another type is refused: changing it would drop what depends on it. -#}
{% macro columns_to_add(relation, contract) %}
{%- set found = {} %}
{%- for column in adapter.get_columns_in_relation(relation) %}
    {%- do found.update({column.name: column.dtype}) %}
{%- endfor %}
{%- set missing = [] %}
{%- for column in contract.values() %}
    {%- if column.name not in found %}
        {%- do missing.append(column) %}
    {%- elif found[column.name] != column.data_type %}
        {%- do exceptions.raise_compiler_error(
            relation ~ '.' ~ column.name ~ ' has type ' ~ found[column.name] ~ ' and should have ' ~ column.data_type
            ~ '. Change the type with ALTER TABLE, or rename the table, then build the reports again.') %}
    {%- endif %}
{%- endfor %}
{{- return(missing) }}
{% endmacro %}

{#- The end of both materializations. -#}
{% macro finish_in_place(target, post_hooks) %}
{% do persist_docs(target, model) %}
{{ run_hooks(post_hooks, inside_transaction=True) }}
{% do adapter.commit() %}
{{ run_hooks(post_hooks, inside_transaction=False) }}
{% endmacro %}
