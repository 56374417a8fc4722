{#-
  Creates the schemas, sequence and SQL functions for the models, in one transaction at the start of every run. The lock
  keeps two runs from replacing a function at the same time, which Postgres refuses ("tuple concurrently updated").
  To run it manually: `dbt run-operation install_functions`.
-#}
{% macro create_functions() %}
select pg_advisory_xact_lock(hashtext('st_pipeline.dbt.create_functions'));
create schema if not exists intermediate;
create schema if not exists legacy;
-- Ids of legacy rows. A sequence never reuses an id: the consumer deletes rows by an id that it may have read long ago.
create sequence if not exists legacy.row_id as integer maxvalue 2147483647 cycle;
{{ create_tidy() }}
{{ create_html_entity() }}
{{ create_decode_entities() }}
{{ create_strip_tags() }}
{{ create_plain_text() }}
{{ create_format_phone() }}
{{ create_to_double() }}
{% endmacro %}

{% macro install_functions() %}
{% do run_query('begin;' ~ create_functions() ~ 'commit;') %}
{% endmacro %}
