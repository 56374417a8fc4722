{{ config(
    materialized='incremental',
    incremental_strategy='replace_tenants',
    on_schema_change='sync_all_columns',
    indexes=[{'columns': ['tenant', 'job_id'], 'unique': true}],
    post_hook='analyze {{ this }}'
) }}

with stale as (

    {{ stale_tenants('int_first_appointments') | indent(4) }}

)

select
    appointments.tenant,
    appointments.job_id,
    min(appointments.starts_at) as first_starts_at,
    stale.version
from {{ ref('stg_jpm_appointments') }} as appointments
inner join stale
    on stale.tenant = appointments.tenant
where
    appointments.is_active
    and appointments.job_id is not null
    -- 0001-01-01 is how the API writes "no date".
    and extract(year from appointments.starts_at at time zone 'UTC') <> 1
group by
    appointments.tenant,
    appointments.job_id,
    stale.version
