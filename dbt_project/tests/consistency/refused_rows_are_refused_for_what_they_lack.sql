-- A row's reasons name exactly its empty fields. This test derives them from the report differently than the model does.
{{ config(meta={'dagster': {'ref': {'name': 'rejected_rows'}}}) }}
-- depends_on: {{ ref('rejected_rows') }}

with rows as (

    select
        tenant,
        rejection,
        to_jsonb(report) as columns
    from {{ ref('int_invoice_report') }} as report

    union all

    select
        tenant,
        rejection,
        to_jsonb(report)
    from {{ ref('int_member_report') }} as report

),

expected as (

    select
        rows.tenant,
        rows.rejection,
        (
            select string_agg(needed.reason, ', ' order by needed.position)
            from (
                values
                (1, 'street', 'Street is Empty'),
                (2, 'city', 'City is Empty'),
                (3, 'state', 'State is Empty'),
                (4, 'zip', 'Zip Code is Empty'),
                (5, 'total', 'Invoice Amount is Invalid'),
                (6, 'customer_name', 'Customer Name is Empty')
            ) as needed (position, name, reason)
            where rows.columns -> needed.name = 'null'::jsonb
        ) as reasons
    from rows

)

select *
from expected
where rejection is distinct from reasons
