{#- No two rows share these columns (nulls count as equal); `tenant` is always one of them. -#}
{% test unique_in_tenant(model, columns) %}
select
    tenant,
    {{ columns | join(',\n    ') }},
    count(*) as copies
from {{ model }}
group by
    tenant,
    {{ columns | join(',\n    ') }}
having count(*) > 1
{% endtest %}
