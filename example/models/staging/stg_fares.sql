-- A table: a price that is not a number is to fail here, and not in whatever reads it first.
{{ config(materialized='table') }}

select
  fare_id,
  route_id,
  vehicle,
  valid_from::date as valid_from,
  lead(valid_from::date) over (partition by route_id, vehicle order by valid_from) as valid_until,
  price::decimal(8, 2) as price
from {{ ref('fares') }}
