{#-
    The form in which drug, procedure and diagnosis names are compared (SPEC 2).

    folded_name(name) -> text

    Unicode NFKC, trimmed, white space and case folded. NULL gives NULL; white space only
    gives an empty text. DuckDB has no NFKC: the function fold_name is registered by
    salvage.duckdb_plugin. It is not fast: apply it to distinct names, and only in models
    that are tables (a view would need the function in every reader).
-#}
{% macro folded_name(name) -%}
    {{ return(adapter.dispatch('folded_name', 'salvage')(name)) }}
{%- endmacro %}

{% macro duckdb__folded_name(name) -%}fold_name({{ name }}){%- endmacro %}
