with source as (

    select *
    from {{ source('raw', 'accounting_payments') }}
    where _deleted_at is null

),

renamed as (

    select
        ---------- ids
        tenant,
        id as payment_id,
        customer__id as customer_id,
        business_unit__id as business_unit_id,
        refunded_payment_id,
        ---------- text
        type as payment_type,
        reference_number,
        check_number,
        memo,
        sync_status,
        ---------- numerics
        total,
        unapplied_amount,
        ---------- booleans
        coalesce(active, true) as is_active,
        ---------- dates
        (date at time zone 'UTC')::date as paid_on,
        ---------- timestamps
        created_on as created_at,
        modified_on as modified_at,
        ---------- json
        applied_to
    from source

)

select *
from renamed
