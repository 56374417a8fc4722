with source as (

    select *
    from {{ source('raw', 'accounting_invoices') }}
    where _deleted_at is null

),

renamed as (

    select
        ---------- ids
        tenant,
        id as invoice_id,
        customer__id as customer_id,
        location__id as location_id,
        job__id as job_id,
        project_id,
        business_unit__id as business_unit_id,
        adjustment_to_id as adjusted_invoice_id,
        membership_id,
        ---------- text
        reference_number,
        summary as summary_html,
        invoice_type__name as invoice_type,
        customer__name as customer_name,
        customer_address__street as customer_street,
        customer_address__unit as customer_unit,
        customer_address__city as customer_city,
        customer_address__state as customer_state,
        customer_address__zip as customer_zip,
        customer_address__country as customer_country,
        location__name as location_name,
        location_address__street as location_street,
        location_address__unit as location_unit,
        location_address__city as location_city,
        location_address__state as location_state,
        location_address__zip as location_zip,
        location_address__country as location_country,
        job__number as job_number,
        job__type as job_type,
        business_unit__name as business_unit_name,
        term_name,
        sync_status,
        ---------- numerics
        sub_total as subtotal,
        sales_tax,
        discount_total,
        total,
        balance,
        ---------- booleans
        coalesce(active, true) as is_active,
        ---------- dates
        (invoice_date at time zone 'UTC')::date as invoiced_on,
        (due_date at time zone 'UTC')::date as due_on,
        ---------- timestamps
        paid_on as paid_at,
        created_on as created_at,
        modified_on as modified_at
    from source

)

select *
from renamed
