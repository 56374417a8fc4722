-- For every tenant: pairs of an active customer and an active membership, plus one per customer without a membership,
-- = rows put into members_stream + rejected rows.
{{ config(meta={'dagster': {'ref': {'name': 'members_stream'}}}) }}

with settled as (

    {{ settled_companies('int_member_report') | indent(4) }}

),

memberships as (

    select
        tenant,
        customer_id,
        count(*) as memberships
    from {{ source('raw', 'memberships_memberships') }}
    where
        _deleted_at is null
        and active is not false
    group by
        tenant,
        customer_id

),

counted as (

    select
        tenants.company_code,
        coalesce(memberships.memberships, 1) as in_raw,
        0 as reported
    from {{ source('raw', 'crm_customers') }} as customers
    inner join {{ ref('int_tenants') }} as tenants
        on tenants.tenant = customers.tenant
    left join memberships
        on memberships.tenant = customers.tenant
        and memberships.customer_id = customers.id
    where
        customers._deleted_at is null
        and customers.active is not false

    union all

    select
        company_code,
        0,
        1
    from ({{ delivered_rows('members_stream', 'int_member_report') | indent(4) }}) as delivered

    union all

    select
        tenant,
        0,
        1
    from {{ ref('rejected_rows') }}
    where report = 'members'

)

select
    counted.company_code,
    sum(counted.in_raw) as in_raw,
    sum(counted.reported) as reported
from counted
inner join settled
    on settled.company_code = counted.company_code
group by counted.company_code
having sum(counted.in_raw) <> sum(counted.reported)
