{{ config(indexes=[{'columns': ['tenant', 'customer_id'], 'unique': true}]) }}

with stale as (

    {{ stale_tenants('customers') | indent(4) }}

)

select
    customers.tenant,
    customers.customer_id,
    tenants.company_code,
    intermediate.tidy(customers.customer_name) as customer_name,
    intermediate.tidy(customers.customer_type) as customer_type,
    customers.is_active,
    customers.merged_to_customer_id,
    phones.phone_numbers,
    phones.primary_phone_number,
    intermediate.tidy(customers.street) as street,
    intermediate.tidy(customers.unit) as unit,
    intermediate.tidy(customers.city) as city,
    intermediate.tidy(customers.state) as state,
    intermediate.tidy(customers.zip) as zip,
    intermediate.tidy(customers.country) as country,
    customers.balance,
    customers.is_do_not_mail,
    customers.is_do_not_service,
    customers.created_at,
    customers.modified_at,
    stale.version
from {{ ref('stg_crm_customers') }} as customers
inner join stale
    on stale.tenant = customers.tenant
inner join {{ ref('int_tenants') }} as tenants
    on tenants.tenant = customers.tenant
left join {{ ref('int_customer_phones') }} as phones
    on phones.tenant = customers.tenant
    and phones.customer_id = customers.customer_id
