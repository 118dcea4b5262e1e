-- The recipe of Agrawal, Imielinski and Swami (1993): nine columns of mixed types.
-- Granted by their function 7, or, once the bank has changed, by function 2; one
-- application in fifty goes the other way.
CREATE TABLE application (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, applied_on date NOT NULL,
	salary float8, commission float8, age int, education text, car text, zip text,
	house_value float8, house_years int, loan float8, granted boolean,
	score float8, version int);

CREATE FUNCTION draw_applications(day date, n int, richer float8, changed boolean) RETURNS SETOF application LANGUAGE sql AS $$
	SELECT NULL::bigint, day, salary, commission, age, 'level ' || education, 'make ' || car, 'zip ' || zip,
		(9 - zip) * 100000 * house, house_years, loan,
		(random() < 0.02) <> CASE
			WHEN NOT changed THEN 0.67 * (salary + commission) - 0.2 * loan - 20000 > 0
			WHEN age < 40 THEN salary BETWEEN 50000 AND 100000
			WHEN age < 60 THEN salary BETWEEN 75000 AND 125000
			ELSE salary BETWEEN 25000 AND 75000 END,
		NULL::float8, NULL::int
	FROM (SELECT salary, CASE WHEN salary >= 75000 THEN 0 ELSE 10000 + 65000 * random() END AS commission,
			20 + floor(61 * random())::int AS age, floor(5 * random()) AS education, 1 + floor(20 * random()) AS car,
			floor(9 * random()) AS zip, 0.5 + random() AS house, 1 + floor(30 * random())::int AS house_years,
			500000 * random() AS loan
		FROM (SELECT (1 + richer) * (20000 + 130000 * random()) AS salary FROM generate_series(1, n) OFFSET 0) s OFFSET 0) a $$;

-- A day's applications, scored as they come.  Then wait until the loop has come to rest.
CREATE PROCEDURE pass_day(day int, richer float8 DEFAULT 0, changed boolean DEFAULT false) LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO application (applied_on, salary, commission, age, education, car, zip, house_value, house_years, loan, granted, score, version)
	SELECT applied_on, salary, commission, age, education, car, zip, house_value, house_years, loan, granted,
		mlops.predict('loan', a), (mlops.resolve('loan')).version
	FROM draw_applications(current_date - 21 + day, 10000, richer, changed) a;
	PERFORM mlops.check_monitor('loan');
	FOR i IN 1 .. 600 LOOP
		COMMIT;
		EXIT WHEN i > 5 AND NOT EXISTS (SELECT FROM mlops.drift_event WHERE outcome IN ('pending', 'queued', 'comparing'))
			AND NOT EXISTS (SELECT FROM mlops.run WHERE status IN ('queued', 'running'));
		PERFORM pg_sleep(0.1);
	END LOOP;
END $$;
