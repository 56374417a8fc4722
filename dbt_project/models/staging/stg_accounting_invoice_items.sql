with source as (

    select *
    from {{ source('raw', 'accounting_invoice_items') }}
    where _deleted_at is null

),

renamed as (

    select
        ---------- ids
        tenant,
        id as invoice_item_id,
        invoice_id,
        sku_id,
        business_unit__id as business_unit_id,
        membership_type_id,
        technician_id,
        ---------- text
        type as item_type,
        sku_name,
        display_name,
        description as description_html,
        ---------- numerics
        quantity,
        price,
        cost,
        total,
        total_cost,
        ---------- booleans
        coalesce(active, true) as is_active,
        taxable as is_taxable,
        inventory as is_inventory,
        ---------- timestamps
        created_on as created_at,
        modified_on as modified_at
    from source

)

select *
from renamed
