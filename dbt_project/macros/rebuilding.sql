{#-
  Rebuilding by tenant. A model with `incremental_strategy: replace_tenants` keeps in `version` what its rows were built
  from; int_source_versions says what they would be built from now. If the two differ, all of the tenant's rows are
  rebuilt, and other tenants' rows stay as they are. So do those of a tenant that is held, because its time zone is unknown.
-#}

{#- Model -> the raw entities behind its rows. Every model with the strategy replace_tenants must be listed. -#}
{% macro entities_of_models() %}
{{ return({
    'int_customer_phones': ['crm_customer_contacts'],
    'int_first_appointments': ['jpm_appointments'],
    'int_invoice_report': ['accounting_invoices', 'crm_customers', 'crm_customer_contacts', 'jpm_appointments'],
    'int_member_report': [
        'crm_customers', 'crm_customer_contacts', 'memberships_memberships', 'memberships_membership_types'
    ],
    'customers': ['crm_customers', 'crm_customer_contacts'],
    'invoices': ['accounting_invoices', 'crm_customers'],
}) }}
{% endmacro %}

{#- Checksum of this project's SQL: a changed rule makes every row stale automatically. Legacy rows whose content
    stays the same keep their IDs even then. -#}
{% macro rules_version() %}
{%- set code = [create_functions()] %}
{%- if execute %}
    {%- for node in graph.nodes.values() | selectattr('resource_type', 'equalto', 'model') | sort(attribute='unique_id') %}
        {%- do code.append(node.raw_code) %}
    {%- endfor %}
{%- endif %}
{{- return(local_md5(code | join('\n'))) }}
{% endmacro %}

{#- Tenants whose rows of `model` are out of date, with their new version: (tenant, version). -#}
{% macro stale_tenants(model) %}
select
    wanted.tenant,
    wanted.version
from {{ ref('int_build_versions') }} as wanted
where
    wanted.model = '{{ model }}'
    and wanted.is_held is not true
    {%- if is_incremental() %}
    and wanted.version is distinct from (
        select built.version
        from {{ this }} as built
        where built.tenant = wanted.tenant
        limit 1
    )
    {%- endif %}
{% endmacro %}

{#- dbt calls this for `incremental_strategy: replace_tenants`. Unlike delete+insert, it also removes the rows of
    a tenant that now has none, and of tenants that were removed. One transaction. -#}
{% macro get_incremental_replace_tenants_sql(arg_dict) %}
{%- set target_table = arg_dict['target_relation'] %}
{%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) %}
{%- set versions = load_relation(api.Relation.create(
    database=target_table.database, schema='intermediate', identifier='int_build_versions')) %}
delete from {{ target_table }}
where tenant in (
    select built.tenant
    from (select distinct tenant from {{ target_table }}) as built
    left join {{ versions }} as wanted
        on wanted.tenant = built.tenant and wanted.model = '{{ target_table.identifier }}'
    where wanted.is_held is not true
        and wanted.version is distinct from (
            select any_row.version
            from {{ target_table }} as any_row
            where any_row.tenant = built.tenant
            limit 1
        )
);

insert into {{ target_table }} ({{ columns }})
select {{ columns }}
from {{ arg_dict['temp_relation'] }};
{% endmacro %}
