with source as (

    select *
    from {{ source('raw', 'crm_customers') }}
    where _deleted_at is null

),

renamed as (

    select
        ---------- ids
        tenant,
        id as customer_id,
        merged_to_id as merged_to_customer_id,
        ---------- text
        name as customer_name,
        type as customer_type,
        address__street as street,
        address__unit as unit,
        address__city as city,
        address__state as state,
        address__zip as zip,
        address__country as country,
        ---------- numerics
        balance,
        ---------- booleans
        coalesce(active, true) as is_active,
        do_not_mail as is_do_not_mail,
        do_not_service as is_do_not_service,
        tax_exempt as is_tax_exempt,
        ---------- timestamps
        created_on as created_at,
        modified_on as modified_at
    from source

)

select *
from renamed
