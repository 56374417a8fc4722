{#-
  Rebuilding by tenant. A model that is built so (`incremental_strategy: replace_tenants`) keeps in `version` what its
  rows were made from; int_source_versions says what they would be made from now. Where the two differ, all rows of the
  tenant are made anew, and those of other tenants are left alone.
-#}

{#- Model -> the raw entities that its rows come from. Every model with the strategy replace_tenants must be here. -#}
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

{#- Checksum of this project's SQL: a changed rule makes every row stale, without anybody having to think of it. Ids of
    legacy rows whose content comes out the same survive even that. -#}
{% macro rules_version() %}
{%- set code = [create_functions()] %}
{%- if execute %}
    {%- for node in graph.nodes.values() | selectattr('resource_type', 'equalto', 'model') | sort(attribute='unique_id') %}
        {%- do code.append(node.raw_code) %}
    {%- endfor %}
{%- endif %}
{{- return(local_md5(code | join('\n'))) }}
{% endmacro %}

{#- Tenants whose rows of `model` are not what they should be, with the version to be: (tenant, version). -#}
{% macro stale_tenants(model) %}
select
    wanted.tenant,
    wanted.version
from {{ ref('int_build_versions') }} as wanted
where
    wanted.model = '{{ model }}'
    {%- if is_incremental() %}
    and wanted.version is distinct from (
        select built.version
        from {{ this }} as built
        where built.tenant = wanted.tenant
        limit 1
    )
    {%- endif %}
{% endmacro %}

{#- dbt calls this for `incremental_strategy: replace_tenants`. Unlike delete+insert it also removes what a tenant no
    longer has when it comes out with no row at all, and tenants that are gone. One transaction. -#}
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
    where wanted.version is distinct from (
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
