{#-
  The last select of a report model: gives each row of the CTE `rows` its id, the time it was made, and the version of its
  tenant (from the CTE `stale`).

  A row that comes out as it was keeps its id and created_at; any other row gets a new id. So whoever read a row and
  deletes it by id later deletes that very content, never a newer one. After two thousand million ids the sequence starts
  again; should it then meet a row that is still there, the uniqueness test says so and `dbt build --full-refresh` deals anew.
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
