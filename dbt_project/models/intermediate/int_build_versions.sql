-- Read once, at the start of a build. Data loaded while it runs is left to the next build and never counted as done.
select
    tenant,
    model,
    version,
    is_held
from {{ ref('int_source_versions') }}
