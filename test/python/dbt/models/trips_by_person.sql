select current_user() as person, count(*) as trips from trips
