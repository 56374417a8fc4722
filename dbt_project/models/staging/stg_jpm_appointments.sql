with source as (

    select *
    from {{ source('raw', 'jpm_appointments') }}
    where _deleted_at is null

),

renamed as (

    select
        ---------- ids
        tenant,
        id as appointment_id,
        job_id,
        customer_id,
        ---------- text
        appointment_number,
        status as appointment_status,
        special_instructions,
        ---------- booleans
        coalesce(active, true) as is_active,
        is_confirmed,
        ---------- timestamps
        "start" as starts_at,
        "end" as ends_at,
        arrival_window_start as arrival_window_starts_at,
        arrival_window_end as arrival_window_ends_at,
        created_on as created_at,
        modified_on as modified_at
    from source

)

select *
from renamed
