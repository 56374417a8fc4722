{#- Every row that was put into a stream: those that are there, and those that its consumer has taken out since, which are
    still in the report: (company_code, amount). `amount` is an expression over columns that both have. -#}
{% macro delivered_rows(stream, report, amount='null::numeric') %}
select
    tenant as company_code,
    {{ amount }} as amount
from {{ ref(stream) }}

union all

select
    report.company_code,
    {{ amount }} as amount
from {{ ref(report) }} as report
inner join intermediate.built_rows as listed
    on listed.relation = '{{ stream }}'
    and listed.tenant = report.tenant
    and listed.id = report.id
where not exists (select from {{ ref(stream) }} as there where there.id = report.id)
{% endmacro %}
