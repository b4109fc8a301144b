select
  routes.route_id,
  routes.departs_from,
  routes.arrives_at,
  routes.crossing_minutes,
  vessels.name as vessel,
  vessels.passenger_capacity
from {{ ref('routes') }} as routes
join {{ ref('vessels') }} as vessels using (vessel_id)
