{{ config(materialized='view_in_place') }}

-- Time zone names are checked here, once per tenant, because an unknown one would stop the build where it is used.
with registered as (

    select
        key as tenant,
        coalesce(intermediate.tidy(company_code), key) as company_code,
        intermediate.tidy(trade) as trade,
        timezone
    from {{ source('control', 'tenants') }}

),

loaded as (

    select distinct tenant
    from {{ source('control', 'raw_loads') }}

),

zones as (

    select known.name
    from pg_timezone_names as known

)

select
    coalesce(registered.tenant, loaded.tenant) as tenant,
    coalesce(registered.company_code, loaded.tenant) as company_code,
    registered.trade,
    coalesce(zones.name, 'UTC') as timezone
from registered
full join loaded
    on loaded.tenant = registered.tenant
left join zones
    on zones.name = registered.timezone
