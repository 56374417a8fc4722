with source as (

    select *
    from {{ source('raw', 'settings_business_units') }}
    where _deleted_at is null

),

renamed as (

    select
        ---------- ids
        tenant,
        id as business_unit_id,
        trade__id as trade_id,
        division__id as division_id,
        ---------- text
        name as business_unit_name,
        official_name,
        email,
        phone_number,
        currency,
        trade__name as trade_name,
        division__name as division_name,
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
