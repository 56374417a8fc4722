{{ config(materialized='view_in_place') }}

-- A time zone that this server does not know would stop the build where it is used, and another one would shift every
-- time silently. So it is null here, and the tenant keeps the rows it has until its zone is corrected.
with registered as (

    select
        key as tenant,
        coalesce(intermediate.tidy(company_code), key) as company_code,
        intermediate.tidy(trade) as trade,
        case when control.knows_zone(timezone) then timezone end as timezone
    from {{ source('control', 'tenants') }}

),

loaded as (

    select distinct tenant
    from {{ source('control', 'raw_loads') }}

)

select
    coalesce(registered.tenant, loaded.tenant) as tenant,
    coalesce(registered.company_code, loaded.tenant) as company_code,
    registered.trade,
    case when registered.tenant is null then 'UTC' else registered.timezone end as timezone
from registered
full join loaded
    on loaded.tenant = registered.tenant
