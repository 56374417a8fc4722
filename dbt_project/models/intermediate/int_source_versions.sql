{{ config(materialized='view_in_place') }}

with models as (

    select
        model,
        entity
    from (
        values
        {%- for model, entities in entities_of_models().items() %}
        {%- set last_model = loop.last %}
        {%- for entity in entities %}
        ('{{ model }}', '{{ entity }}'){{ '' if last_model and loop.last else ',' }}
        {%- endfor %}
        {%- endfor %}
    ) as listed (model, entity)

),

tenants as (

    select *
    from {{ ref('int_tenants') }}

),

loads as (

    select
        tenant,
        entity,
        changed_at
    from {{ source('control', 'raw_loads') }}

),

-- Every load's own time, not just the latest: a load that started earlier may be committed later.
versions as (

    select
        tenants.tenant,
        models.model,
        md5(jsonb_build_array(
            '{{ rules_version() }}',
            tenants.company_code,
            tenants.trade,
            tenants.timezone,
            jsonb_object_agg(models.entity, extract(epoch from loads.changed_at))
        )::text) as version,
        tenants.timezone is null as is_held
    from tenants
    cross join models
    left join loads
        on loads.tenant = tenants.tenant
        and loads.entity = models.entity
    group by
        tenants.tenant,
        models.model,
        tenants.company_code,
        tenants.trade,
        tenants.timezone

)

select *
from versions
