-- databases in other encodings: names and labels that are not ASCII
\set VERBOSITY terse
\set superuser :USER
SET client_min_messages = warning;
CREATE ROLE regress_train_encoding LOGIN;
CREATE DATABASE regress_train_latin1 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0;
CREATE DATABASE regress_train_ascii ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0;

\connect regress_train_latin1
SET client_encoding = 'UTF8';
SET client_min_messages = warning;
CREATE EXTENSION mlops;
GRANT EXECUTE ON FUNCTION mlops.train, mlops.register_model TO regress_train_encoding;
GRANT CREATE ON SCHEMA public TO regress_train_encoding;
\connect - regress_train_encoding
SET client_encoding = 'UTF8';
SET client_min_messages = warning;
CREATE TABLE t AS SELECT i AS id, i % 13 AS "größe", (ARRAY['ä', 'ö', 'ü'])[1 + i % 3] AS "straße", CASE WHEN i % 13 > 6 THEN 'süß' ELSE 'bäh' END AS y FROM generate_series(1, 300) i;
SELECT mlops.train('taste', 'SELECT * FROM t', 'y', key => '{id}', positive => 'süß', num_boost_round => 3, params => '{"monotone_constraints": {"größe": 1}}') AS run \gset
CALL mlops.wait_run(:run);
SELECT classes, signature -> 'features' AS features FROM mlops.model_version;
SELECT count(*) FILTER (WHERE mlops.predict_class('taste', t) = y) AS right FROM t;
-- the model itself is UTF-8, whatever the server's encoding
SELECT position(convert_to('größe', 'UTF8') IN mlops.export_model('taste')) > 0 AS utf8, position(convert_to('größe', 'LATIN1') IN mlops.export_model('taste')) AS latin1;
SELECT mlops.register_model('imported', mlops.export_model('taste'), signature) FROM mlops.model_version WHERE model = 'taste';
SELECT mlops.register_model('wrong', mlops.export_model('taste'), replace(signature::text, 'größe', 'grösse')::jsonb) FROM mlops.model_version WHERE model = 'taste';
SELECT digest AS latin1 FROM mlops.dataset_digest('SELECT "größe", "straße" FROM t') \gset

-- SQL_ASCII takes any bytes; those that are no UTF-8 make no model
\connect regress_train_ascii :superuser
SET client_min_messages = warning;
CREATE EXTENSION mlops;
GRANT EXECUTE ON FUNCTION mlops.train TO regress_train_encoding;
GRANT CREATE ON SCHEMA public TO regress_train_encoding;
\connect - regress_train_encoding
SET client_min_messages = warning;
CREATE TABLE t AS SELECT i AS id, i % 13 AS "größe", (ARRAY['ä', 'ö', 'ü'])[1 + i % 3] AS "straße", (ARRAY[E'\xff', E'\xfe'])[1 + i % 2] AS bytes, i % 13 > 6 AS y FROM generate_series(1, 300) i;
SELECT mlops.train('taste', 'SELECT * FROM t', 'y', key => '{id}', exclude => '{bytes}', num_boost_round => 3) AS run \gset
CALL mlops.wait_run(:run);
SELECT count(*) FILTER (WHERE (mlops.predict('taste', t) > 0.5) = y) AS right FROM t;
SELECT digest = :'latin1' AS same FROM mlops.dataset_digest('SELECT "größe", "straße" FROM t');
SELECT mlops.train('bytes', 'SELECT * FROM t', 'y', key => '{id}') AS run \gset
SELECT status, sqlstate, regexp_replace(error, '\n.*', '') AS error FROM mlops.wait(:run);

\connect regress_mlops :superuser
DROP DATABASE regress_train_latin1 WITH (FORCE);
DROP DATABASE regress_train_ascii WITH (FORCE);
