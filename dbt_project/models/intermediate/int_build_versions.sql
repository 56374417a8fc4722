-- Read once, at the start of a build: what is loaded while it runs is left to the next one, but never taken for done.
select
    tenant,
    model,
    version
from {{ ref('int_source_versions') }}
