with source as (

    select *
    from {{ source('raw', 'jpm_jobs') }}
    where _deleted_at is null

),

renamed as (

    select
        ---------- ids
        tenant,
        id as job_id,
        customer_id,
        location_id,
        project_id,
        job_type_id,
        business_unit_id,
        campaign_id,
        invoice_id,
        first_appointment_id,
        last_appointment_id,
        ---------- text
        job_number,
        job_status,
        priority,
        summary as summary_html,
        customer_po,
        ---------- numerics
        total,
        appointment_count,
        ---------- booleans
        coalesce(active, true) as is_active,
        no_charge as is_no_charge,
        ---------- timestamps
        completed_on as completed_at,
        created_on as created_at,
        modified_on as modified_at
    from source

)

select *
from renamed
