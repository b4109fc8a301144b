-- The vehicle's fare includes its driver; everybody else pays the fare on foot. Cancelled bookings are refunded.
select
  bookings.booking_id,
  bookings.route_id,
  bookings.sails_on,
  bookings.passengers,
  bookings.status,
  case
    when bookings.status = 'cancelled' then 0
    else vehicle_fares.price + (bookings.passengers - 1) * foot_fares.price
  end as amount
from {{ ref('stg_bookings') }} as bookings
join {{ ref('stg_fares') }} as vehicle_fares
  on vehicle_fares.route_id = bookings.route_id
  and vehicle_fares.vehicle = bookings.vehicle
  and bookings.sails_on >= vehicle_fares.valid_from
  and bookings.sails_on < coalesce(vehicle_fares.valid_until, date '9999-12-31')
join {{ ref('stg_fares') }} as foot_fares
  on foot_fares.route_id = bookings.route_id
  and foot_fares.vehicle = 'foot'
  and bookings.sails_on >= foot_fares.valid_from
  and bookings.sails_on < coalesce(foot_fares.valid_until, date '9999-12-31')
