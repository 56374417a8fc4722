with source as (

    select *
    from {{ source('raw', 'memberships_memberships') }}
    where _deleted_at is null

),

renamed as (

    select
        ---------- ids
        tenant,
        id as membership_id,
        customer_id,
        location_id,
        membership_type_id,
        business_unit_id,
        sold_by_id,
        ---------- text
        status as membership_status,
        billing_frequency,
        renewal_billing_frequency,
        memo,
        ---------- numerics
        duration as duration_months,
        initial_deferred_revenue,
        ---------- booleans
        coalesce(active, true) as is_active,
        ---------- dates
        ("from" at time zone 'UTC')::date as begins_on,
        ("to" at time zone 'UTC')::date as ends_on,
        (cancellation_date at time zone 'UTC')::date as cancelled_on,
        (next_scheduled_bill_date at time zone 'UTC')::date as next_bill_on,
        ---------- timestamps
        created_on as created_at,
        modified_on as modified_at
    from source

)

select *
from renamed
