{#- A view that is replaced only if its definition changed, and then keeps what depends on it if its columns allow. -#}
{% materialization view_in_place, adapter='postgres' %}
{%- set target = this.incorporate(type='view') %}
{%- set digest = local_md5(sql) %}

{{ run_hooks(pre_hooks, inside_transaction=False) }}
{{ run_hooks(pre_hooks, inside_transaction=True) }}
{%- set there = run_query("select to_regclass('" ~ target ~ "') is not null and exists (select from intermediate.built"
    ~ " where relation = '" ~ target.identifier ~ "' and version = '" ~ digest ~ "')").columns[0].values()[0] %}

{% call statement('main') %}
{%- if there %}
    select 'nothing to change'
{%- else %}
    do $block$
    begin
        create or replace view {{ target }} as {{ sql }};
    exception when invalid_table_definition then
        drop view {{ target }} cascade;
        create view {{ target }} as {{ sql }};
    end
    $block$;
    insert into intermediate.built (relation, tenant, version) values ('{{ target.identifier }}', '', '{{ digest }}')
    on conflict (relation, tenant) do update set version = excluded.version
{%- endif %}
{% endcall %}
{{ finish_in_place(target, post_hooks) }}
{{ return({'relations': [target]}) }}
{% endmaterialization %}
