{#- Company codes with no tenant that is held or was loaded since this build started: (company_code). A sync that commits during the build
    loses nothing, but only the other companies can be compared with raw. One statement, one snapshot. -#}
{% macro settled_companies(model) %}
select tenants.company_code
from {{ ref('int_tenants') }} as tenants
left join {{ ref('int_source_versions') }} as now_there
    on now_there.tenant = tenants.tenant
    and now_there.model = '{{ model }}'
left join {{ ref('int_build_versions') }} as built
    on built.tenant = tenants.tenant
    and built.model = '{{ model }}'
group by tenants.company_code
having bool_and(now_there.version is not distinct from built.version and now_there.is_held is not true)
{% endmacro %}
