with source as (

    select *
    from {{ source('raw', 'crm_customer_contacts') }}
    where _deleted_at is null

),

renamed as (

    select
        ---------- ids
        tenant,
        id as contact_id,
        customer_id,
        ---------- text
        type as contact_type,
        value as contact_value,
        memo,
        ---------- booleans
        coalesce(active, true) as is_active,
        ---------- timestamps
        created_on as created_at,
        modified_on as modified_at
    from source

)

select *
from renamed
