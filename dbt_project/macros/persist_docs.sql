{#- Instead of dbt's, which writes every comment in every build: only those that differ. -#}
{% macro postgres__persist_docs(relation, model, for_relation, for_columns) %}
{%- set found = {} %}
{%- for name, text in run_query(
    "select coalesce(a.attname, ''), d.description from pg_description d left join pg_attribute a"
    ~ " on a.attrelid = d.objoid and a.attnum = d.objsubid and d.objsubid > 0"
    ~ " where d.classoid = 'pg_class'::regclass and d.objoid = to_regclass('" ~ relation ~ "')").rows %}
    {%- do found.update({name: text}) %}
{%- endfor %}
{%- if for_relation and config.persist_relation_docs() and model.description and found.get('') != model.description %}
    {%- do run_query(alter_relation_comment(relation, model.description)) %}
{%- endif %}
{%- set changed = {} %}
{%- for name, column in model.columns.items() if column.description and found.get(name) != column.description %}
    {%- do changed.update({name: column}) %}
{%- endfor %}
{%- if for_columns and config.persist_column_docs() and changed %}
    {%- do run_query(alter_column_comment(relation, changed)) %}
{%- endif %}
{% endmacro %}
