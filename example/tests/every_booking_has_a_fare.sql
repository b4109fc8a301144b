-- A booking for a day without a fare would be lost in the join of fct_bookings.
select booking_id from {{ ref('stg_bookings') }}
except
select booking_id from {{ ref('fct_bookings') }}
