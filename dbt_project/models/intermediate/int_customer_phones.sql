{{ config(
    materialized='incremental',
    incremental_strategy='replace_tenants',
    on_schema_change='sync_all_columns',
    indexes=[{'columns': ['tenant', 'customer_id'], 'unique': true}],
    post_hook='analyze {{ this }}'
) }}

with stale as (

    {{ stale_tenants('int_customer_phones') | indent(4) }}

),

phones as (

    select
        contacts.tenant,
        contacts.customer_id,
        contacts.contact_id,
        stale.version,
        intermediate.format_phone(contacts.contact_value) as phone
    from {{ ref('stg_crm_customer_contacts') }} as contacts
    inner join stale
        on stale.tenant = contacts.tenant
    where
        contacts.is_active
        and contacts.contact_type in ('Phone', 'MobilePhone')
        and contacts.customer_id is not null

),

-- A number shared by two contacts takes the position of the first one.
first_seen as (

    select
        tenant,
        customer_id,
        version,
        phone,
        min(contact_id) as contact_id
    from phones
    where phone is not null
    group by
        tenant,
        customer_id,
        version,
        phone

)

select
    tenant,
    customer_id,
    string_agg(phone, ', ' order by contact_id) as phone_numbers,
    (array_agg(phone order by contact_id))[1] as primary_phone_number,
    version
from first_seen
group by
    tenant,
    customer_id,
    version
