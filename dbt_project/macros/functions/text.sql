{#-
  White space as Unicode defines it: what Python's str.split() splits at, listed by code point so that it does not depend
  on the server's locale or libc. Zero-width characters are not white space.
-#}
{% macro white_space_but_blank() -%}
\t-\r\u001c-\u001f\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000
{%- endmacro %}

{#- Trims white space and folds it to single spaces; null if nothing is left. Most values are tidy already, and checking
    that is ten times faster than rewriting them. -#}
{% macro create_tidy() %}
create or replace function intermediate.tidy(value text) returns text
language sql immutable parallel safe as $function$
    select case
        when value ~ '[{{ white_space_but_blank() }}]|  |^ | $' then nullif(btrim(regexp_replace(
            regexp_replace(value, '[{{ white_space_but_blank() }}]', ' ', 'g'), ' {2,}', ' ', 'g'), ' '), '')
        else nullif(value, '')
    end
$function$;
{% endmacro %}

{#- A phone number in the consumer's format, or else the original, tidied. ASCII digits only. -#}
{% macro create_format_phone() %}
create or replace function intermediate.format_phone(value text) returns text
language sql immutable parallel safe as $function$
    select case
        when tidied ~ '^[0-9 ()./+-]+$' and digits ~ '^1?[0-9]{10}$'
            then regexp_replace(digits, '^1?([0-9]{3})([0-9]{3})([0-9]{4})$', '(\1) \2-\3')
        else tidied
    end
    from (
        select tidied, regexp_replace(tidied, '[^0-9]', '', 'g') as digits
        from (select intermediate.tidy(value) as tidied) as folded
    ) as counted
$function$;
{% endmacro %}

{#- An amount for the one column that is declared as a binary float. A value that no double can hold becomes null, so that
    it does not stop the build; `between` is false for NaN and the infinities. -#}
{% macro create_to_double() %}
create or replace function intermediate.to_double(amount numeric) returns double precision
language sql immutable parallel safe as $function$
    select case
        when abs(amount) < 1e-300 then 0
        when abs(amount) between 1e-300 and 1e308 then amount::double precision
    end
$function$;
{% endmacro %}
