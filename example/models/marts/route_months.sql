select
  routes.route_id,
  routes.departs_from || ' - ' || routes.arrives_at as route,
  date_trunc('month', bookings.sails_on)::date as month,
  count(*) as bookings,
  sum(bookings.passengers) as passengers,
  sum(bookings.amount) as revenue
from {{ ref('fct_bookings') }} as bookings
join {{ ref('dim_routes') }} as routes using (route_id)
group by all
