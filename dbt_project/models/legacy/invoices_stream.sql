{{ config(
    indexes=[{'columns': ['id'], 'unique': true}, {'columns': ['tenant']}],
    meta={'rows_of': ['int_invoice_report'], 'consumers_own': ['processed', 'hub_plus_import_id']}
) }}

select
    id,
    created_at,
    company_code as tenant,
    trade,
    'ServiceTitan' as software,
    invoice_number,
    invoice_summary,
    job_number,
    job_type,
    customer_id,
    customer_first_name,
    customer_last_name,
    customer_name,
    phone_numbers as customer_phone_numbers,
    primary_phone_number as customer_phone_number_primary,
    zone,
    street,
    unit,
    city,
    state,
    zip,
    country,
    total,
    first_appointment,
    invoice_summary as summary,
    false as processed,
    null::integer as hub_plus_import_id
from {{ ref('int_invoice_report') }}
where rejection is null
