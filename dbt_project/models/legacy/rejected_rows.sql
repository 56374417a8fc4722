{{ config(meta={'rows_of': ['int_invoice_report', 'int_member_report']}) }}

select
    company_code as tenant,
    'invoices' as report,
    invoice_id::text as source_id,
    rejection as reason,
    created_at
from {{ ref('int_invoice_report') }}
where rejection is not null

union all

select
    company_code as tenant,
    'members' as report,
    customer_id as source_id,
    rejection as reason,
    created_at
from {{ ref('int_member_report') }}
where rejection is not null
