{# The copy for the partner ports: a table of its own, so that our columns can change without asking them. #}
{% macro export_route_months() %}
  {% do run_query("create schema if not exists export") %}
  {% do run_query("create or replace table export.route_months as select * from " ~ ref('route_months')) %}
  {% set rows = run_query("select count(*) from export.route_months").columns[0][0] %}
  {{ log("export.route_months: " ~ rows ~ " rows", info=true) }}
{% endmacro %}
