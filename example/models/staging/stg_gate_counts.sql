{{ config(tags=['boardings']) }}

select
  route_id || '@' || strftime(counted_at, '%Y-%m-%dT%H') as gate_count_id,
  route_id,
  counted_at,
  passengers
from {{ source('harbour', 'gate_counts') }}
