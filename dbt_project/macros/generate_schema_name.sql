{#- A model's schema is the one it names: `legacy`, not `<target>_legacy`. Consumers and asset keys rely on it. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
