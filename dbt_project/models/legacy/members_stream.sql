{{ config(
    indexes=[{'columns': ['id'], 'unique': true}, {'columns': ['tenant']}],
    meta={'rows_of': ['int_member_report'], 'consumers_own': ['processed', 'version', 'hub_plus_import_id']}
) }}

select
    id,
    created_at,
    company_code as tenant,
    trade,
    'ServiceTitan' as software,
    active_member,
    membership_type,
    current_status,
    customer_id,
    customer_first_name,
    customer_last_name,
    customer_name,
    phone_numbers as customer_phone_numbers,
    primary_phone_number as customer_phone_number_primary,
    street,
    unit,
    city,
    state,
    zip,
    country,
    false as processed,
    null::text as version,
    null::integer as hub_plus_import_id
from {{ ref('int_member_report') }}
where rejection is null
