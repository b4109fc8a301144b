select
  booking_id,
  route_id,
  vehicle,
  sails_on::date as sails_on,
  passengers::integer as passengers,
  status
from {{ ref('bookings') }}
