with source as (

    select *
    from {{ source('raw', 'memberships_membership_types') }}
    where _deleted_at is null

),

renamed as (

    select
        ---------- ids
        tenant,
        id as membership_type_id,
        billing_template_id,
        ---------- text
        name as membership_type_name,
        display_name,
        discount_mode,
        ---------- numerics
        discount,
        ---------- booleans
        coalesce(active, true) as is_active,
        ---------- timestamps
        created_on as created_at,
        modified_on as modified_at
    from source

)

select *
from renamed
