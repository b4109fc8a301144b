{{ config(materialized='incremental', unique_key='gate_count_id', tags=['boardings']) }}

select
  gate_count_id,
  route_id,
  counted_at,
  passengers
from {{ ref('stg_gate_counts') }}
{% if is_incremental() %}
-- The last hour again: its count may have been taken before the hour was over.
where counted_at >= (select max(counted_at) from {{ this }})
{% endif %}
