{#-
  HTML to text: strip_tags, then decode_entities once, then tidy. plain_text does all three.

  A tag starts with `<` and a letter, or `</` and a letter, and ends at the next `>` that is not inside a quoted attribute
  value; quotes open a value only after `=`. If such a quote never closes, the tag ends at the next `>`. A comment runs
  from `<!--` to the next `-->`. An unterminated one is text, like any other `<`: a summary may lose its markup, never its words.
  A tag's name ends at white space, `/` or `>`.
-#}
{% macro create_strip_tags() %}
{%- set names = ['br', 'p', 'div', 'li', 'ul', 'ol', 'table', 'tr', 'td', 'th', 'h[1-6]', 'hr', 'blockquote', 'pre',
    'section', 'article', 'header', 'footer'] %}
{%- set block = [] %}
{%- for name in names %}
    {%- set letters = [] %}
    {%- for letter in (name if name != 'h[1-6]' else 'h') %}
        {%- do letters.append('[' ~ letter | upper ~ letter ~ ']') %}
    {%- endfor %}
    {%- do block.append(letters | join ~ ('[1-6]' if name == 'h[1-6]' else '')) %}
{%- endfor %}
{#- Postgres takes the longer match of two branches: the first branch of a tag if its quotes close. Its parts are mutually
    exclusive, so there is only one way to match and no backtracking. -#}
{%- set tag %}<(?:/?[A-Za-z](?:[^>=]|=[= ]*(?:[^>= "'']|"[^"]*"|''[^'']*''))*(?:=[= ]*)?>|/?[A-Za-z][^>]*>|!--(?:[^-]|-[^-]|--+[^->])*--+>){% endset %}
create or replace function intermediate.strip_tags(html text) returns text
language sql immutable parallel safe as $function$
    -- White space becomes spaces first. That frees U+001C and U+001D to mark the start and end of each tag: one pass
    -- finds all tags, and two simple passes replace them.
    select regexp_replace(
        regexp_replace(
            regexp_replace(
                regexp_replace(html, '[{{ white_space_but_blank() }}]', ' ', 'g'),
                '{{ tag }}', E'\x1c\\&\x1d', 'g'
            ),
            '\u001c</?(?:{{ block | join("|") }})[ />][^\u001d]*\u001d', ' ', 'g'
        ),
        '\u001c[^\u001d]*\u001d', '', 'g'
    )
$function$;
{% endmacro %}

{% macro create_html_entity() %}
create or replace function intermediate.html_entity(name text) returns text
language sql immutable parallel safe as $function$
    select $json${{ html_entities() }}$json$::jsonb ->> name
$function$;
{% endmacro %}

{#- Character references, decoded as in HTML5 (https://html.spec.whatwg.org/multipage/parsing.html#character-reference-state),
    including invalid ones; gives the same results as Python's html.unescape. -#}
{% macro create_decode_entities() %}
create or replace function intermediate.decode_entities(html text) returns text
language plpgsql immutable parallel safe as $function$
declare
    pieces constant text[] := string_to_array(html, '&');
    decoded text := coalesce(pieces[1], html);
    piece text;
    reference text;
    digits text;
    character text;
begin
    for n in 2 .. coalesce(array_length(pieces, 1), 0) loop
        piece := pieces[n];
        if starts_with(piece, '#') then
            reference := substring(piece from '^#(?:[0-9]+|[xX][0-9a-fA-F]+);?');
            digits := ltrim(rtrim(substr(reference, 2), ';'), 'xX0');
            character := intermediate.html_character(case
                when reference is null then null
                when length(digits) > 7 then 1114112
                when reference ~ '^#[xX]' then ('x' || lpad(digits, 8, '0'))::bit(32)::integer
                when digits = '' then 0
                else digits::integer
            end);
        else
            -- The longest name has 31 letters. Look up everything up to the semicolon; text that is not a name is not found.
            reference := left(piece, position(';' in left(piece, 32)));
            character := intermediate.html_entity(reference);
            if character is null then
                -- Without a semicolon, use the longest name of two to six letters that the text starts with.
                for size in reverse least(length(piece), 6) .. 2 loop
                    reference := left(piece, size);
                    character := intermediate.html_entity(reference);
                    exit when character is not null;
                end loop;
            end if;
        end if;
        decoded := decoded || coalesce(character || substr(piece, length(reference) + 1), '&' || piece);
    end loop;
    return decoded;
end
$function$;

create or replace function intermediate.html_character(code integer) returns text
language sql immutable parallel safe as $function$
    select case
        when code is null then null
        when code = 0 or code between 55296 and 57343 or code > 1114111 then U&'\FFFD'
        -- Windows programs write 128 to 159 in code page 1252.
        when code between 128 and 159 then chr((array[
            8364, 129, 8218, 402, 8222, 8230, 8224, 8225, 710, 8240, 352, 8249, 338, 141, 381, 143,
            144, 8216, 8217, 8220, 8221, 8226, 8211, 8212, 732, 8482, 353, 8250, 339, 157, 382, 376
        ])[code - 127])
        when code between 1 and 8 or code = 11 or code between 14 and 31 or code = 127
            or code between 64976 and 65007 or code % 65536 in (65534, 65535) then ''
        else chr(code)
    end
$function$;
{% endmacro %}

{% macro create_plain_text() %}
create or replace function intermediate.plain_text(html text) returns text
language plpgsql immutable parallel safe as $function$
begin
    if position('<' in html) > 0 then
        html := intermediate.strip_tags(html);
    end if;
    if position('&' in html) > 0 then
        html := intermediate.decode_entities(html);
    end if;
    return intermediate.tidy(html);
end
$function$;
{% endmacro %}
