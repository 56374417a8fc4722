{{ config(
    materialized='incremental',
    incremental_strategy='replace_tenants',
    on_schema_change='sync_all_columns',
    indexes=[{'columns': ['tenant', 'invoice_id'], 'unique': true}],
    post_hook='analyze {{ this }}'
) }}

with stale as (

    {{ stale_tenants('int_invoice_report') | indent(4) }}

),

invoices as (

    select
        invoices.*,
        intermediate.tidy(invoices.location_street) is not null as has_location_street
    from {{ ref('stg_accounting_invoices') }} as invoices
    inner join stale
        on stale.tenant = invoices.tenant
    where invoices.is_active

),

-- Materialized, because Postgres would otherwise compute each text again wherever it is used below.
tidied as materialized (

    select
        invoices.tenant,
        invoices.invoice_id,
        tenants.company_code,
        tenants.trade,
        coalesce(intermediate.tidy(invoices.reference_number), invoices.invoice_id::text) as invoice_number,
        coalesce(intermediate.plain_text(invoices.summary_html), 'Imported Invoice') as invoice_summary,
        intermediate.tidy(invoices.job_number) as job_number,
        intermediate.tidy(invoices.job_type) as job_type,
        invoices.customer_id::text as customer_id,
        coalesce(
            intermediate.tidy(invoices.customer_name), intermediate.tidy(customers.customer_name)
        ) as customer_name,
        phones.phone_numbers,
        phones.primary_phone_number,
        intermediate.tidy(invoices.business_unit_name) as zone,
        {%- for part in ['street', 'unit', 'city', 'state', 'zip', 'country'] %}
        intermediate.tidy(
            case when invoices.has_location_street then invoices.location_{{ part }} else invoices.customer_{{ part }} end
        ) as {{ part }},
        {%- endfor %}
        intermediate.to_double(invoices.total) as total,
        coalesce(
            to_char(appointments.first_starts_at at time zone tenants.timezone, 'YYYY-MM-DD HH24:MI:SS'),
            to_char(invoices.invoiced_on::timestamp, 'YYYY-MM-DD HH24:MI:SS')
        ) as first_appointment
    from invoices
    inner join {{ ref('int_tenants') }} as tenants
        on tenants.tenant = invoices.tenant
    left join {{ ref('stg_crm_customers') }} as customers
        on customers.tenant = invoices.tenant
        and customers.customer_id = invoices.customer_id
    left join {{ ref('int_customer_phones') }} as phones
        on phones.tenant = invoices.tenant
        and phones.customer_id = invoices.customer_id
    left join {{ ref('int_first_appointments') }} as appointments
        on appointments.tenant = invoices.tenant
        and appointments.job_id = invoices.job_id

),

report as (

    select
        tenant,
        invoice_id,
        company_code,
        trade,
        invoice_number,
        invoice_summary,
        job_number,
        job_type,
        customer_id,
        split_part(customer_name, ' ', 1) as customer_first_name,
        nullif(split_part(customer_name, ' ', 2), '') as customer_last_name,
        customer_name,
        phone_numbers,
        primary_phone_number,
        zone,
        street,
        unit,
        city,
        state,
        zip,
        coalesce(country, 'US') as country,
        total,
        first_appointment,
        nullif(concat_ws(
            ', ',
            case when street is null then 'Street is Empty' end,
            case when city is null then 'City is Empty' end,
            case when state is null then 'State is Empty' end,
            case when zip is null then 'Zip Code is Empty' end,
            case when total is null then 'Invoice Amount is Invalid' end,
            case when customer_name is null then 'Customer Name is Empty' end
        ), '') as rejection
    from tidied

)

{{ with_lasting_ids('report', 'invoice_id') }}
