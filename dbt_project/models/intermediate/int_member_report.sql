{{ config(
    materialized='incremental',
    incremental_strategy='replace_tenants',
    on_schema_change='sync_all_columns',
    indexes=[{'columns': ['tenant', 'source_customer_id']}],
    post_hook='analyze {{ this }}'
) }}

with stale as (

    {{ stale_tenants('int_member_report') | indent(4) }}

),

customers as (

    select customers.*
    from {{ ref('stg_crm_customers') }} as customers
    inner join stale
        on stale.tenant = customers.tenant
    where customers.is_active

),

memberships as (

    select *
    from {{ ref('stg_memberships_memberships') }}
    where is_active

),

-- Materialized, because Postgres would otherwise compute each text again wherever it is used below.
tidied as materialized (

    select
        customers.tenant,
        customers.customer_id as source_customer_id,
        memberships.membership_id,
        tenants.company_code,
        tenants.trade,
        intermediate.tidy(types.membership_type_name) as membership_type,
        intermediate.tidy(memberships.membership_status) as current_status,
        customers.customer_id::text as customer_id,
        intermediate.tidy(customers.customer_name) as customer_name,
        phones.phone_numbers,
        phones.primary_phone_number,
        intermediate.tidy(customers.street) as street,
        intermediate.tidy(customers.unit) as unit,
        intermediate.tidy(customers.city) as city,
        intermediate.tidy(customers.state) as state,
        intermediate.tidy(customers.zip) as zip,
        intermediate.tidy(customers.country) as country
    from customers
    inner join {{ ref('int_tenants') }} as tenants
        on tenants.tenant = customers.tenant
    left join memberships
        on memberships.tenant = customers.tenant
        and memberships.customer_id = customers.customer_id
    left join {{ ref('stg_memberships_membership_types') }} as types
        on types.tenant = memberships.tenant
        and types.membership_type_id = memberships.membership_type_id
    left join {{ ref('int_customer_phones') }} as phones
        on phones.tenant = customers.tenant
        and phones.customer_id = customers.customer_id

),

report as (

    select
        tenant,
        source_customer_id,
        membership_id,
        company_code,
        trade,
        -- In collation "C" only A to Z change case, so no server locale turns another word into "active".
        case when lower(current_status collate "C") = 'active' then 'Yes' end as active_member,
        membership_type,
        current_status,
        customer_id,
        split_part(customer_name, ' ', 1) as customer_first_name,
        nullif(split_part(customer_name, ' ', 2), '') as customer_last_name,
        customer_name,
        phone_numbers,
        primary_phone_number,
        street,
        unit,
        city,
        state,
        zip,
        coalesce(country, 'US') as country,
        nullif(concat_ws(
            ', ',
            case when street is null then 'Street is Empty' end,
            case when city is null then 'City is Empty' end,
            case when state is null then 'State is Empty' end,
            case when zip is null then 'Zip Code is Empty' end,
            case when customer_name is null then 'Customer Name is Empty' end
        ), '') as rejection
    from tidied

)

{{ with_lasting_ids('report', 'source_customer_id') }}
