{#-
  The last select of a report model: gives each row of the CTE `rows` its ID, its creation time, and its tenant's version
  (from the CTE `stale`).

  A row with unchanged content keeps its id and created_at; any other row gets a new id. So a consumer that read a row
  and later deletes it by id deletes exactly that content, never a newer one. After two billion ids the sequence starts
  over. If it then collides with an existing row, the uniqueness test fails, and `dbt build --full-refresh` assigns new ids.
-#}
{% macro with_lasting_ids(rows, source_id) %}
, hashed as materialized (

    select
        {{ rows }}.*,
        md5({{ rows }}::text) as content
    from {{ rows }}

)

select
    {%- if is_incremental() %}
    coalesce(kept.id, nextval('legacy.row_id')::integer) as id,
    coalesce(kept.created_at, now()) as created_at,
    {%- else %}
    nextval('legacy.row_id')::integer as id,
    now() as created_at,
    {%- endif %}
    hashed.*,
    stale.version
from hashed
inner join stale
    on stale.tenant = hashed.tenant
{%- if is_incremental() %}
left join {{ this }} as kept
    on kept.tenant = hashed.tenant
    and kept.{{ source_id }} = hashed.{{ source_id }}
    and kept.content = hashed.content
{%- endif %}
{% endmacro %}
