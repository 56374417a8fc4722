with source as (

    select *
    from {{ source('raw', 'crm_locations') }}
    where _deleted_at is null

),

renamed as (

    select
        ---------- ids
        tenant,
        id as location_id,
        customer_id,
        zone_id,
        merged_to_id as merged_to_location_id,
        ---------- text
        name as location_name,
        address__street as street,
        address__unit as unit,
        address__city as city,
        address__state as state,
        address__zip as zip,
        address__country as country,
        ---------- booleans
        coalesce(active, true) as is_active,
        ---------- timestamps
        created_on as created_at,
        modified_on as modified_at
    from source

)

select *
from renamed
