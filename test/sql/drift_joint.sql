-- drift that no column shows: butterfly (a correlation turns) and SEA (the concept changes)
SET client_min_messages = warning;
CREATE ROLE regress_joint_owner LOGIN;
CREATE ROLE regress_joint_other;
CREATE SCHEMA joint_test;
GRANT ALL ON SCHEMA joint_test TO regress_joint_owner, regress_joint_other;
GRANT EXECUTE ON FUNCTION mlops.train TO regress_joint_owner;
GRANT EXECUTE ON PROCEDURE mlops.train_wait TO regress_joint_owner;
SET SESSION AUTHORIZATION regress_joint_owner;
SET search_path = joint_test;

-- standard normal pairs, correlation 0.8, then -0.8; noise is noise
SELECT setseed(0.25);
CREATE TABLE pair AS SELECT i, i > 3000 AS later, a, CASE WHEN i > 3000 THEN -0.8 ELSE 0.8 END * a + 0.6 * b AS b, noise
FROM (SELECT i, sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()) AS a, sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()) AS b,
	random() AS noise FROM generate_series(1, 6000) i) s;
SELECT round(corr(a, b)::numeric, 1) AS correlation, later FROM pair GROUP BY later ORDER BY later;

-- no column shows it
SELECT name, d.status FROM (SELECT mlops.reference(a) AS a, mlops.reference(b) AS b, mlops.reference(noise) AS n FROM pair WHERE NOT later) r,
	LATERAL (SELECT mlops.profile(pair.a, r.a) AS a, mlops.profile(pair.b, r.b) AS b, mlops.profile(noise, r.n) AS n FROM pair WHERE later) c,
	LATERAL (VALUES ('a', r.a, c.a), ('b', r.b, c.b), ('noise', r.n, c.n)) v(name, reference, current), LATERAL mlops.drift(reference, current) d;
-- the classifier does; columns may come in another order, comments and semicolons do not matter
SELECT mlops.domain_classifier('SELECT a, b, noise FROM pair WHERE NOT later -- before', 'SELECT b, i, noise, a FROM pair WHERE later;') AS run \gset
SELECT (mlops.wait(:run)).status;
SELECT model, version, n_reference + n_current BETWEEN 2800 AND 3200 AS half, auc BETWEEN 0.87 AND 0.92 AS auc, z > 30 AS z, log10_p < -200 AS p, features[3] AS last
FROM mlops.domain_drift WHERE run_id = :run;
-- nothing to find: two halves of the same
SELECT mlops.domain_classifier('SELECT a, b, noise FROM pair WHERE NOT later AND i % 2 = 0', 'SELECT a, b, noise FROM pair WHERE NOT later AND i % 2 = 1', model => 'nothing') AS run \gset
SELECT (mlops.wait(:run)).status;
SELECT model, p_value > 0.01 AS p, abs(z) < 2.6 AS z, abs(auc - 0.5) < 0.04 AS auc FROM mlops.domain_drift WHERE run_id = :run;
-- 20 rows of each entity, none of which is in both: only the key keeps the model from recognising them
CREATE TABLE visit AS SELECT e, e > 100 AS later, (hashint4(e) & 65535) / 65536.0::float8 + g * 1e-6 AS height, (hashint4(e * 31) & 65535) / 65536.0::float8 AS weight
FROM generate_series(1, 200) e, generate_series(1, 20) g;
SELECT mlops.domain_classifier('SELECT e, height, weight FROM visit WHERE NOT later', 'SELECT e, height, weight FROM visit WHERE later', 'visit', '{e}') AS run \gset
SELECT (mlops.wait(:run)).status;
SELECT mlops.domain_classifier('SELECT * FROM visit WHERE NOT later', 'SELECT * FROM visit WHERE later', 'visit', NULL, '{e,later}') AS run2 \gset
SELECT (mlops.wait(:run2)).status;
SELECT run_id = :run AS by_key, auc > 0.95 AS recognised FROM mlops.domain_drift WHERE model = 'visit' ORDER BY run_id;

-- queries that are refused
SELECT mlops.domain_query('SELECT 1 AS a, 2 AS "B b"', 'SELECT 3 AS "B b", 4 AS a, 5 AS c');
SELECT mlops.domain_query('SELECT 1 AS a', 'SELECT 1 AS b');
SELECT mlops.domain_query('SELECT 1 AS is_current', 'SELECT 1 AS is_current');
SELECT mlops.domain_query('SELECT 1 AS a', 'DELETE FROM pair');
SELECT mlops.domain_query('SELECT 1 AS a; SELECT 2', 'SELECT 1 AS a');
SELECT mlops.domain_query('SELECT 1 AS a', NULL) IS NULL AS null_query;
SELECT mlops.domain_classifier('SELECT 1 AS a, 2 AS a', 'SELECT 1 AS a, 2 AS a');
-- who may not train may not do this; who may not read does not see the answer
RESET SESSION AUTHORIZATION;
SET ROLE regress_joint_other;
SELECT mlops.domain_classifier('SELECT 1 AS a', 'SELECT 1 AS a', 'mine');
SELECT count(*) FROM mlops.domain_drift;
RESET ROLE;

-- SEA (Street and Kim, 2001): positive is x1 + x2 <= 8, then <= 9.5; x3 says nothing; the inputs do not change
SET SESSION AUTHORIZATION regress_joint_owner;
SET search_path = joint_test;
CREATE TABLE sea AS SELECT i, i > 4000 AS later, x1, x2, x3, x1 + x2 <= CASE WHEN i > 4000 THEN 9.5 ELSE 8 END AS y
FROM (SELECT i, random() * 10 AS x1, random() * 10 AS x2, random() * 10 AS x3 FROM generate_series(1, 6000) i) s;
CALL mlops.train_wait('sea', 'SELECT i, x1, x2, x3, y FROM sea WHERE NOT later', 'y', key => '{i}', num_boost_round => 30);
SELECT role, name, status FROM mlops.drift('sea', 'SELECT x1, x2, x3 FROM sea WHERE later');
-- what is estimated does not see it either; what is realized does
SELECT value > 0.95 AS estimated_right FROM mlops.estimated_performance('sea', 'SELECT x1, x2, x3 FROM sea WHERE later') WHERE metric = 'accuracy';
SELECT value < 0.9 AS realized_wrong FROM mlops.evaluate('sea', 'SELECT x1, x2, x3, y FROM sea WHERE later') WHERE metric = 'accuracy';

RESET SESSION AUTHORIZATION;
SET client_min_messages = error;
DROP SCHEMA joint_test CASCADE;
TRUNCATE mlops.model, mlops.model_blob, mlops.run, mlops.dataset RESTART IDENTITY CASCADE;
DROP OWNED BY regress_joint_owner, regress_joint_other;
DROP ROLE regress_joint_owner, regress_joint_other;
