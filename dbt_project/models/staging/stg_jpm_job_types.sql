with source as (

    select *
    from {{ source('raw', 'jpm_job_types') }}
    where _deleted_at is null

),

renamed as (

    select
        ---------- ids
        tenant,
        id as job_type_id,
        ---------- text
        name as job_type_name,
        class as job_class,
        priority,
        ---------- numerics
        duration as duration_seconds,
        sold_threshold,
        ---------- booleans
        coalesce(active, true) as is_active,
        no_charge as is_no_charge,
        ---------- timestamps
        created_on as created_at,
        modified_on as modified_at
    from source

)

select *
from renamed
